/**
 * The containers of a Compose service: how many there are, one more, one fewer. A new one is a copy of one that runs,
 * label for label, so that Compose takes it for its own and a later `up` finds nothing to change (ADR 0030).
 */
import type { ServiceName } from '@sv-sdk/scaling';
import type { Instances } from './decide.ts';
import type { Engine, Summary } from './engine.ts';

const LABEL = {
  project: 'com.docker.compose.project',
  service: 'com.docker.compose.service',
  oneOff: 'com.docker.compose.oneoff',
  number: 'com.docker.compose.container-number',
  configuration: 'com.docker.compose.config-hash',
  /** Of a container that replaces another. */
  replaces: 'com.docker.compose.replace',
  /** Ours: who made it. */
  madeBy: 'sv-sdk.made-by',
} as const;
const MADE_BY = 'autoscaler';
/** At the end of the name of one that is being taken away: seen by whoever goes on after this process was killed. */
const LEAVING = '-leaving';
/** `make up` gives up after 5 minutes: what Compose has made and not started by then, it doesn't start any more. */
const START_LIMIT_SECONDS = 600;
/** Docker's own, where a container names none. */
const DEFAULT_GRACE_SECONDS = 10;

export interface Look extends Instances {
  /** Of one container; 0: no limit, or none runs. */
  readonly memoryLimitBytes: number;
}

export interface Fleet {
  look(service: ServiceName): Promise<Look>;
  /** Takes away for good what an interrupted run has left half made or half taken away. Answers their names. */
  finish(service: ServiceName): Promise<readonly string[]>;
  /** One after another; those that did start stay when one fails. */
  add(service: ServiceName, count: number): Promise<void>;
  /** One: such as is not healthy, else the newest number. It has its whole grace to finish what it holds. */
  takeAway(service: ServiceName): Promise<void>;
}

export function createFleet(engine: Engine, project: string): Fleet {
  const containersOf = (service: ServiceName) =>
    engine.list({ [LABEL.project]: project, [LABEL.service]: service, [LABEL.oneOff]: 'False' });

  async function stopAndRemove(container: Summary): Promise<void> {
    const { Config } = await engine.inspect(container.Id);
    await engine.stop(container.Id, Config.StopTimeout ?? DEFAULT_GRACE_SECONDS);
    await engine.remove(container.Id);
  }

  return {
    async look(service) {
      const running = (await containersOf(service)).filter((one) => isRunning(one) || isBeingStarted(one));
      const template = running.find(isRunning);
      const memoryLimitBytes =
        template === undefined ? 0 : (await engine.inspect(template.Id)).HostConfig.Memory;
      return {
        running: running.length,
        starting: running.filter(isStarting).length,
        unhealthy: running.filter(isUnhealthy).length,
        isMixed: new Set(running.map((one) => `${one.ImageID} ${one.Labels[LABEL.configuration]}`)).size > 1,
        memoryLimitBytes,
      };
    },

    async finish(service) {
      const left = (await containersOf(service)).filter((one) => isLeaving(one) || isHalfMade(one));
      for (const container of left) await stopAndRemove(container);
      return left.map(nameOf);
    },

    async add(service, count) {
      for (let made = 0; made < count; made += 1) {
        const all = await containersOf(service);
        const template = all.filter(isRunning).toSorted(byHealthThenNumber).at(0);
        if (template === undefined) throw new Error(`no ${service} runs that could be copied`);
        // As Compose numbers them. The lowest free number would be lower than those of whoever a deploy has replaced, and
        // the newest not the first to go.
        const number = Math.max(...all.map(numberOf)) + 1;
        await copy(engine, template, { name: `${project}-${service}-${number}`, number, service });
      }
    },

    async takeAway(service) {
      const leaver = (await containersOf(service)).filter(isRunning).toSorted(byHealthThenNumber).at(-1);
      if (leaver === undefined) throw new Error(`no ${service} runs that could be taken away`);
      await engine.rename(leaver.Id, nameOf(leaver) + LEAVING);
      await stopAndRemove(leaver);
    },
  };
}

/** Created, put on every network, started: or not there at all. */
async function copy(
  engine: Engine,
  template: Summary,
  wanted: { name: string; number: number; service: ServiceName },
): Promise<void> {
  const source = await engine.inspect(template.Id);
  const { [LABEL.replaces]: _replaced, ...labels } = source.Config.Labels;
  const { Hostname, ...config } = source.Config;
  // By name as Compose does it, unless the name means another image by now: then by id, the one that runs.
  const isSameImage = (await engine.imageId(config.Image)) === source.Image;
  const { NetworkMode } = source.HostConfig;
  const endpoints = new Map(
    Object.keys(source.NetworkSettings.Networks).map((network) => [
      network,
      // As Compose has it. Addresses are Docker's to give.
      { Aliases: [wanted.name, wanted.service] },
    ]),
  );
  const id = await engine.create(wanted.name, {
    ...config,
    // Docker's own host name is the beginning of the id; another was chosen by somebody.
    ...(!template.Id.startsWith(Hostname) && { Hostname }),
    Image: isSameImage ? config.Image : source.Image,
    Labels: { ...labels, [LABEL.number]: String(wanted.number), [LABEL.madeBy]: MADE_BY },
    HostConfig: source.HostConfig,
    NetworkingConfig: { EndpointsConfig: { [NetworkMode]: endpoints.get(NetworkMode) } },
  });
  try {
    // One network at creation is what every engine takes; the others before the start.
    for (const [network, endpoint] of endpoints) {
      if (network !== NetworkMode) await engine.connect(network, id, endpoint);
    }
    await engine.start(id);
  } catch (error) {
    await engine.remove(id);
    throw error;
  }
}

const nameOf = (container: Summary) => (container.Names[0] ?? container.Id).replace(/^\//, '');
const numberOf = (container: Summary) => Number(container.Labels[LABEL.number] ?? 0);
const isLeaving = (container: Summary) => nameOf(container).endsWith(LEAVING);
/** Never started, so nothing is in it. One that a person made is theirs. */
const isHalfMade = ({ State, Labels }: Summary) => State === 'created' && Labels[LABEL.madeBy] === MADE_BY;
/** One that crashes and is restarted counts. One that a person stopped does not. */
const isRunning = (container: Summary) =>
  ['running', 'restarting', 'paused'].includes(container.State) && !isLeaving(container);
/** By Compose, which makes all containers first and starts each when what it depends on is healthy. */
const isBeingStarted = (container: Summary) =>
  container.State === 'created' &&
  !isHalfMade(container) &&
  Date.now() / 1000 - container.Created < START_LIMIT_SECONDS;
const isStarting = (container: Summary) =>
  container.Status.includes('(health: starting)') || isBeingStarted(container);
const isUnhealthy = ({ State, Status }: Summary) =>
  ['restarting', 'paused'].includes(State) || Status.includes('(unhealthy)');

function byHealthThenNumber(a: Summary, b: Summary): number {
  return Number(isUnhealthy(a)) - Number(isUnhealthy(b)) || numberOf(a) - numberOf(b);
}
