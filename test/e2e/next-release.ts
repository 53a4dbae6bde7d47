/** A copy of the checkout that a test makes another release of; the checkout itself is everybody's. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunResult } from '../harness/run.ts';
import { repository, type Stack } from './stack.ts';

const MINUTES = { timeoutSeconds: 840 };
export const NEXT_RELEASE = '99.0.0';
const BUILD_FILES = ['images.env', 'host-ca.pem', 'npmrc', 'apt-sources.list'];

export interface Copy {
  /** The release that it is of, until `becomeNextRelease`. */
  readonly release: string;
  /** A file of the copy. */
  path(name: string): string;
  read(name: string): string;
  write(name: string, text: string): void;
  shell(command: string): Promise<RunResult>;
  shellOrThrow(command: string): Promise<RunResult>;
  becomeNextRelease(): void;
  /** The version that answers. */
  version(): Promise<string>;
  settings(): string;
}

/** In a folder of .build/ that goes with the stack. */
export async function copyCheckout(stack: Stack, home: string): Promise<Copy> {
  const folder = join(repository, '.build', home, 'checkout');
  mkdirSync(folder, { recursive: true });
  await stack.shellOrThrow(
    `tar --exclude=./.git --exclude=./.build --exclude=node_modules --exclude='./.env*' --exclude='./secrets*' -c . | tar -x -C ${folder}` +
      ` && cp .env.example ${folder}/ && mkdir -p ${folder}/.build && cp ${BUILD_FILES.map((name) => `.build/${name}`).join(' ')} ${folder}/.build/`,
  );
  const path = (name: string) => join(folder, name);
  const read = (name: string) => readFileSync(path(name), 'utf8');
  const write = (name: string, text: string) => writeFileSync(path(name), text);
  const release: string = JSON.parse(read('package.json')).version;
  return {
    release,
    path,
    read,
    write,
    shell: (command) => stack.shell(`cd ${folder} && ${command}`, MINUTES),
    shellOrThrow: (command) => stack.shellOrThrow(`cd ${folder} && ${command}`, MINUTES),
    becomeNextRelease() {
      write(
        'package.json',
        read('package.json').replace(`"version": "${release}"`, `"version": "${NEXT_RELEASE}"`),
      );
      const releases = 'infra/host/releases.txt';
      write(releases, `${read(releases).replace(`${NEXT_RELEASE}\n`, '')}${NEXT_RELEASE}\n`);
    },
    async version() {
      const answer = await fetch(`${stack.urls.http}/health/live`);
      return ((await answer.json()) as { version: string }).version;
    },
    settings: () => readFileSync(stack.envFile, 'utf8'),
  };
}

/** Of images their names of versions that a test has made; the images may have others. */
export const removeImages = (stack: Stack, ...tags: string[]) =>
  stack.shell(
    `docker image ls --format '{{.Repository}}:{{.Tag}}' ${tags.map((tag) => `--filter 'reference=sv-sdk/*:${tag}'`).join(' ')} | xargs -r docker image rm --force`,
  );
