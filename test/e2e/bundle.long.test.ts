/** A bundle of this checkout, unpacked elsewhere, is the same stack, and one that is damaged changes nothing. */
import { closeSync, mkdirSync, openSync, readdirSync, readSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { servicesOf, useThePlatform, writeSettings } from './own-stack.ts';
import { defineStack, repository } from './stack.ts';

const stack = defineStack({
  project: 'sv-e2e-bundle',
  home: 'e2e-bundle',
  ports: { http: 13400, prometheus: 19490, alertmanager: 19493, grafana: 13401, maildev: 11480 },
});
const elsewhere = join(repository, '.build', 'e2e-bundle', 'elsewhere');
const MINUTES = { timeoutSeconds: 840 };
const MOST_BYTES = 2 * 1024 ** 3;
const unpacked = join(elsewhere, 'sv-sdk-e2e');
/** As on a host where nothing is prepared, and under a tag of its own, as other tests have theirs. */
const there = (command: string) =>
  stack.shell(`cd ${unpacked} && SV_PREPARED= SV_VERSION=e2e-elsewhere ${command}`, MINUTES);

beforeAll(async () => {
  await removeAll();
  mkdirSync(elsewhere, { recursive: true });
  writeSettings(stack, { BALANCER_PREFIX: '10.251.103', APP_INSTANCES: '1', WORKER_INSTANCES: '1' });
  const { output } = await stack.shellOrThrow(`make bundle VERSION=e2e TO=${elsewhere}`, MINUTES);
  console.info(output.split('\n').at(-2));
});
afterAll(removeAll);

async function removeAll(): Promise<void> {
  await stack.remove();
  for (const tag of ['bundle-e2e', 'e2e-elsewhere']) {
    await stack.shell(
      `docker image ls --format '{{.Repository}}:{{.Tag}}' --filter 'reference=sv-sdk/*:${tag}' | xargs -r docker image rm`,
    );
  }
  rmSync(elsewhere, { recursive: true, force: true });
}

const unpack = () =>
  stack.shellOrThrow(
    `cd ${elsewhere} && sha256sum -c sv-sdk-e2e.tar.sha256 && rm -rf sv-sdk-e2e && tar -xf sv-sdk-e2e.tar`,
    MINUTES,
  );

test('the bundle is one file of at most 2 GB, and holds no setting and no secret of this host', async () => {
  expect(statSync(join(elsewhere, 'sv-sdk-e2e.tar')).size).toBeLessThan(MOST_BYTES);
  await unpack();
  const files = readdirSync(unpacked);
  expect(files).toContain('Makefile');
  expect(files.filter((name) => /^(\.env|secrets|\.build|\.git|node_modules)$/.test(name))).toEqual([]);
});

test('a damaged bundle is refused by `make up`, which names the file and changes nothing', async () => {
  const images = join(unpacked, 'bundle', 'images.tar.gz');
  const file = openSync(images, 'r+');
  const middle = Math.floor(statSync(images).size / 2);
  const byte = Buffer.alloc(1);
  readSync(file, byte, 0, 1, middle);
  writeSync(file, Buffer.from([(byte[0] ?? 0) ^ 0xff]), 0, 1, middle);
  closeSync(file);
  const { exitCode, output } = await there('make up');
  expect(exitCode).not.toBe(0);
  expect(output).toContain('The bundle is damaged (./bundle/images.tar.gz)');
  expect([...(await servicesOf(stack))]).toEqual([]);
});

test('`make up` from the bundle starts the stack, without building anything', async () => {
  await unpack();
  const { exitCode, output, seconds } = await there('make up');
  expect(exitCode, output).toBe(0);
  expect(output).toContain('the images are in the bundle');
  console.info(`make up from a bundle: ${seconds.toFixed(0)} s`);
  await useThePlatform(stack);
});
