/** The Redis Cluster of docker-compose.scale.yml, beside the stack's own servers, which go on serving. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, query } from '../client.ts';
import { containersOf, project, repository, shellOrThrow } from '../stack.ts';
import type { Cause, Room } from './cause.ts';
import { scrapeMore, scrapeNoMore } from './monitoring.ts';

const NODES = [1, 2, 3, 4, 5, 6].map((number) => `redis-cluster-${number}`);
const COMPOSE =
  'COMPOSE_FILE=docker-compose.yml:docker-compose.scale.yml REDIS_CLUSTER_MAXMEMORY=32mb REDIS_CLUSTER_MEMORY=96m docker compose';
const SCRAPED = 'redis-cluster.yml';
/** Where Prometheus finds the nodes' names; it is on it with docker-compose.scale.yml. */
const NAMES = `${project}_names`;
const prometheus = async () => (await containersOf('prometheus')).join(' ');

export const redisCluster: Room = {
  name: 'the Redis Cluster',
  async prepare() {
    await shellOrThrow(`${COMPOSE} up -d --no-deps --wait ${NODES.join(' ')}`);
    await shellOrThrow(`${COMPOSE} run --rm --no-deps -T redis-cluster-init`);
    await shellOrThrow(`docker network connect ${NAMES} ${await prometheus()}`);
    const scale = join(repository, 'infra/prometheus/scale', SCRAPED);
    await scrapeMore(SCRAPED, readFileSync(scale, 'utf8'));
    await eventually(
      () => query('count(redis_cluster_state == 1)'),
      ([count]) => count?.value === NODES.length,
      { seconds: 90, what: 'the whole cluster in Prometheus' },
    );
  },
  async cleanUp() {
    await scrapeNoMore(SCRAPED);
    await shellOrThrow(`docker network disconnect ${NAMES} ${await prometheus()}`);
    await shellOrThrow(`${COMPOSE} rm --stop --force ${NODES.join(' ')}`);
    // Other files don't name them, so that nobody else would remove them.
    await shellOrThrow(`docker network rm ${NAMES}`);
    await shellOrThrow(`docker volume rm ${NODES.map((node) => `${project}_${node}-data`).join(' ')}`);
  },
  causes: [
    ['a replica is gone', losing('replica')],
    ['a primary is gone with its replica', losing('both')],
  ],
};

/** A primary and its replica, by their services. */
async function pairOfNodes(): Promise<{ primary: string; replica: string }> {
  const { stdout } = await shellOrThrow(
    `${COMPOSE} exec -T ${NODES[0]} sh -c 'REDISCLI_AUTH=$(cat $PASSWORD_FILE) exec redis-cli cluster nodes'`,
  );
  // Id, address with the host's name, flags, the id of its primary.
  const nodes = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [id = '', address = '', flags = '', primaryId = ''] = line.split(' ');
      return { id, service: address.split(',')[1] ?? '', flags: flags.split(','), primaryId };
    });
  const replica = nodes.find(({ flags }) => flags.includes('slave'));
  const primary = nodes.find(({ id }) => id === replica?.primaryId);
  if (replica === undefined || primary === undefined) throw new Error(`no node has a replica:\n${stdout}`);
  return { primary: primary.service, replica: replica.service };
}

function losing(what: 'replica' | 'both'): Cause {
  let lost = '';
  return {
    alerts: [what === 'replica' ? 'RedisClusterReplicaMissing' : 'RedisClusterSlotsDown'],
    async start() {
      const { primary, replica } = await pairOfNodes();
      lost = what === 'replica' ? replica : `${replica} ${primary}`;
      await shellOrThrow(`${COMPOSE} stop --timeout 10 ${lost}`);
    },
    end: () => shellOrThrow(`${COMPOSE} start ${lost}`),
  };
}
