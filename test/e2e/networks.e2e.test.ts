/** Who reaches whom: each service tries every other one, on every address and every port that it has. */
import { beforeAll, expect, test } from 'vitest';
import { createMayMeet, LISTENS, OUTSIDE } from '../harness/ways.ts';
import {
  type Container,
  connectFrom,
  inspectStack,
  inTurns,
  kindOfContainer,
  lookInside,
  serviceOf,
} from './inside.ts';
import type { Report } from './probe-processes.ts';
import { project, shellOrThrow, startStack } from './stack.ts';

const mayMeet = createMayMeet(false);
let seen: { container: Container; report: Report }[];

beforeAll(async () => {
  await startStack();
  const { containers } = await inspectStack();
  seen = await inTurns(containers, async (container) => ({ container, report: await lookInside(container) }));
});

test('each service listens where the table of ways says, and nowhere else', () => {
  const ports = (listens: readonly (number | string)[]) => listens.map(String).toSorted();
  expect(
    Object.fromEntries(
      seen.map(({ container, report }) => [serviceOf(container), ports(report.listens)] as const),
    ),
  ).toEqual(
    Object.fromEntries(
      seen.map(({ container }) => [serviceOf(container), ports(LISTENS[kindOfContainer(container)] ?? [])]),
    ),
  );
});

test('of all pairs, those reach each other that the table joins, and no others', async () => {
  const all = seen.map(({ container }) => container);
  // One of those that are scaled speaks for the others; all of them are tried.
  const sources = all.filter(
    (container, index) => all.findIndex((other) => serviceOf(other) === serviceOf(container)) === index,
  );
  const wrong: string[] = [];
  let [tried, reached] = [0, 0];
  await inTurns(sources, async (source) => {
    const targets = seen
      .filter(({ container }) => serviceOf(container) !== serviceOf(source))
      .flatMap(({ container, report }) =>
        report.listens
          .filter((port) => /^\d+$/.test(port))
          .flatMap((port) =>
            addressesOf(container).map((address) => ({ container, address, port: Number(port) })),
          ),
      );
    const open = await connectFrom(source, targets);
    tried += targets.length;
    reached += open.length;
    const nameOf = ({ container, port }: { container: Container; port: number }) =>
      `${container.Name}:${port}`;
    const isReached = new Set(open.map(nameOf));
    for (const target of new Map(targets.map((one) => [nameOf(one), one])).values()) {
      const may = mayMeet(kindOfContainer(source), kindOfContainer(target.container));
      if (isReached.has(nameOf(target)) === may) continue;
      wrong.push(`${serviceOf(source)} ${may ? 'does not reach' : 'reaches'} ${nameOf(target)}`);
    }
  });
  console.info(
    `${sources.length} services tried each other: ${tried} connections, ${reached} of them could be made, ${wrong.length} of them or of the others are wrong`,
  );
  expect(wrong).toEqual([]);
});

function addressesOf({ NetworkSettings }: Container): string[] {
  return Object.values(NetworkSettings.Networks)
    .map(({ IPAddress }) => IPAddress)
    .filter((address) => address !== '');
}

test('the engine’s networks lead nowhere, but for those that the table tells of', async () => {
  const { stdout } = await shellOrThrow(
    `docker network ls --quiet --filter label=com.docker.compose.project=${project} | xargs docker network inspect`,
  );
  const networks = JSON.parse(stdout) as {
    Internal: boolean;
    Options: Record<string, string> | null;
    Labels: Record<string, string>;
  }[];
  expect(networks.length).toBeGreaterThan(8);
  const outside = networks
    .filter(
      ({ Internal, Options }) =>
        !Internal && Options?.['com.docker.network.bridge.enable_ip_masquerade'] !== 'false',
    )
    .map(({ Labels }) => Labels['com.docker.compose.network']);
  expect(outside.toSorted()).toEqual(Object.keys(OUTSIDE).toSorted());
});

test('only who is on such a network, or publishes a port, sends anything to other addresses at all', () => {
  const outside = new Set(Object.values(OUTSIDE).flatMap(({ kinds }) => kinds));
  // On `edge`, where nothing is masqueraded.
  const publishing = new Set(['nginx', 'maildev', 'grafana']);
  const found = seen.filter(({ report }) => report.hasDefaultRoute).map(({ container }) => container);
  const unexpected = found
    .filter(
      (container) => !outside.has(kindOfContainer(container)) && !publishing.has(kindOfContainer(container)),
    )
    .map(serviceOf);
  expect(unexpected).toEqual([]);
});
