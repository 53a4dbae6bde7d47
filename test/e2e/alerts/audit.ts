/** The audit log: its chain, and its partitions. */
import { eventually, query, signIn } from '../client.ts';
import { onPrimary, shellOrThrow } from '../stack.ts';
import { type Cause, everyOf, type Room } from './cause.ts';

export const auditPartitions: Room = {
  name: "the audit log's partitions",
  causes: [['partitions are neither made nor dropped', partitionsNotKept()]],
};

export const auditChain: Room['causes'] = [
  ['the end of the audit chain is written back', chainWrittenBack()],
];

const headSequence = async () => Number((await onPrimary('select sequence from audit.chain_head'))[0]);

/**
 * To its beginning: it goes on all the while, as others are refused and that is audited, and has to be behind what Prometheus
 * saw last. Its signature is wrong then, so nothing more is sealed: what was written back can be put forward again.
 */
function chainWrittenBack(): Cause {
  let placesBack = 0;
  const move = (places: number) => onPrimary(`update audit.chain_head set sequence = sequence + ${places}`);
  return {
    alerts: ['AuditChainWentBack', 'AuditNotSealed'],
    async prepare() {
      await signIn();
      const head = await headSequence();
      const seen = async () => (await query('max(sv_audit_head_sequence)'))[0]?.value ?? 0;
      await eventually(seen, (sequence) => sequence > Math.max(head, 1), {
        seconds: 90,
        what: 'rows that are sealed since, in Prometheus',
      });
    },
    async start() {
      const places = (await headSequence()) - 1;
      await move(-places);
      placesBack = places;
      // Its row waits for a seal from now on.
      await signIn();
    },
    end: () => move(placesBack),
    // Fails where a row is not as it was sealed.
    cleanUp: () => shellOrThrow('make sdk ARGS="audit verify"'),
  };
}

const IS_MONTHLY = "inhparent = 'audit.audit_logs'::regclass and relname ~ '^audit_logs_[0-9]{4}_[0-9]{2}$'";
/** Its months are older than AUDIT_RETENTION_MONTHS, 24. */
const OLD = "(now() at time zone 'UTC' - interval '30 months')::date";
const MAKE = 'audit.create_partitions(date, integer)';

/** The keeper may not make any, as the runbook has it, and so comes to no drop either. It tries at a worker's start, then every hour. */
function partitionsNotKept(): Cause {
  const restartWorkers = async () => shellOrThrow(`docker restart ${await everyOf('worker')}`);
  return {
    alerts: ['AuditPartitionsMissing', 'AuditPartitionsOverdue'],
    async start() {
      await onPrimary(`select audit.create_partitions(${OLD}, 1);
revoke execute on function ${MAKE} from sv_app;
do $$
declare
  partition_name text;
begin
  for partition_name in
    select relname from pg_inherits join pg_class on pg_class.oid = inhrelid
    where ${IS_MONTHLY} and relname > 'audit_logs_' || to_char(now() at time zone 'UTC', 'YYYY_MM')
  loop
    execute format('drop table audit.%I', partition_name);
  end loop;
end
$$;`);
      await restartWorkers();
    },
    async end() {
      await onPrimary(`grant execute on function ${MAKE} to sv_app`);
      await restartWorkers();
    },
  };
}
