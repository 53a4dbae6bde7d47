-- `schema.table rows checksum` of every table with rows of its own; the checksum does not depend on their order.
set local datestyle = 'ISO';
set local intervalstyle = 'postgres';
set local timezone = 'UTC';
set local extra_float_digits = 1;
set local bytea_output = 'hex';
select format('select format(''%%s %%s %%s'', %L, count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)) from only %s as t',
              oid::regclass::text, oid::regclass::text)
from pg_class
where relkind = 'r' and relpersistence <> 't' and relnamespace::regnamespace::text !~ '^(pg_|information_schema)'
order by oid::regclass::text \gexec
