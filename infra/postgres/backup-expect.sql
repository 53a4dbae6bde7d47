-- A snapshot that is the same moment as a restore point (:name): all tables are locked against writers for as long as it
-- takes to name the point, and no longer. Rolling back to the savepoint frees the locks and keeps the snapshot.
-- 400 ms for all locks together: a transaction that waits for us looks for deadlocks after 1 s (deadlock_timeout), so it
-- can never be the one that is ended.
begin isolation level repeatable read;
savepoint locks;
set local statement_timeout = '400ms';
select format('lock table %s in share mode', string_agg(oid::regclass::text, ', ' order by oid::regclass::text))
from pg_class
where relkind = 'r' and relpersistence <> 't' and relnamespace::regnamespace::text !~ '^(pg_|information_schema)'
having count(*) > 0 \gexec
select pg_create_restore_point(:'name') \g /dev/null
rollback to savepoint locks;
set local statement_timeout = 0;
\ir backup-checksums.sql
commit;
