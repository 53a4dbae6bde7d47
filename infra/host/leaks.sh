# shellcheck shell=bash
# Sourced by support.sh: finds secrets in what is about to be handed on, by their values, and by programs that have nothing
# to do with the one that takes them out.

# Ends where a value of a file of SECRETS stands in a file of FOLDER: also one of a folder in it, and what an interrupted
# rotation goes on with (.next-NAME, .old-NAME). Certificates are no secrets. refuse_leaks FOLDER SECRETS
refuse_leaks() {
  find -L "$2" -type f ! -name '*_ca' -print0 | while IFS= read -r -d '' file; do
    # What is shorter is no secret of ours, and stands in many a word.
    values=$(tr -s '[:space:]' '\n' <"$file" | awk 'length >= 8')
    [ -n "$values" ] || continue
    code=0
    # Not as an argument, which every user of the host can read.
    printf '%s\n' "$values" | grep -rqFf - -- "$1" || code=$?
    case $code in
      0) die "Refused: ${file#"$2/"} would be in the archive, which was not written. Please report this." ;;
      1) ;;
      *) die "Refused: the archive could not be searched for ${file#"$2/"} (above), and was not written." ;;
    esac
  done
}
