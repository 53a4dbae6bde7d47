#!/bin/bash
# Does nginx itself answer? The apps behind it have their own health. Neither base is sure to have curl or wget.
exec 3<>/dev/tcp/127.0.0.1/8081 || exit 1
printf 'GET /nginx-health HTTP/1.0\r\n\r\n' >&3
read -r -t 2 _ status _ <&3
[ "$status" = 200 ]
