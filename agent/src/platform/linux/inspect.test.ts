import { chmodSync, chownSync, closeSync, copyFileSync, mkdirSync, mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ByteString } from '@belay/core/bytes';
import type { Inspected } from '../platform.ts';
import { inspect, interpreterOf } from './inspect.ts';
import { walk } from './walk.ts';

const asRoot = process.getuid?.() === 0 ? describe : describe.skip;

/** Below a folder that only root can write all the way: /tmp is not one. */
let folder: string;
const bytes = (text: string): ByteString => text as ByteString;

function look(path: string): Inspected {
  const fd = openSync(path, 'r');
  const inspected = inspect(fd, bytes(path));
  closeSync(fd);
  if (!inspected.ok) throw new Error(inspected.error);
  return inspected.value;
}

function refusal(path: string): string {
  const fd = openSync(path, 'r');
  const inspected = inspect(fd, bytes(path));
  closeSync(fd);
  return inspected.ok ? 'none' : inspected.error;
}

asRoot('files that root alone can write', () => {
  beforeAll(() => {
    folder = mkdtempSync('/var/lib/belay-inspect-');
    chmodSync(folder, 0o755);
    mkdirSync(join(folder, 'open'));
    copyFileSync('/usr/bin/true', join(folder, 'tool'));
    copyFileSync('/usr/bin/true', join(folder, 'open', 'tool'));
    chmodSync(join(folder, 'tool'), 0o755);
    chmodSync(join(folder, 'open', 'tool'), 0o755);
    symlinkSync('tool', join(folder, 'one'));
    symlinkSync('../one', join(folder, 'open', 'two'));
    symlinkSync('loop', join(folder, 'loop'));
    writeFileSync(join(folder, 'script'), `#!${join(folder, 'open', 'tool')} x\n`, { mode: 0o755 });
    writeFileSync(join(folder, 'relative'), '#!sh\n', { mode: 0o755 });
    writeFileSync(join(folder, 'plain'), 'x', { mode: 0o644 });
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test('a program, the links to it, and where they lead', () => {
    expect(look(join(folder, 'tool')).executable).toMatchObject({ resolved: join(folder, 'tool'), links: [], rootOnly: true, script: false });
    const linked = look(join(folder, 'open', 'two')).executable;
    expect(linked).toMatchObject({ resolved: join(folder, 'tool'), rootOnly: true });
    expect(linked.links).toEqual([join(folder, 'open', 'two'), join(folder, 'one')]);
    expect(look('/proc/self/root/usr/bin/true').executable.resolved).toBe('/usr/bin/true');
  });

  test.each([
    ['writable by a group', () => chmodSync(join(folder, 'open', 'tool'), 0o775)],
    ['writable by all', () => chmodSync(join(folder, 'open', 'tool'), 0o757)],
    ['of another owner', () => chownSync(join(folder, 'open', 'tool'), 65534, 0)],
    ['in a folder writable by a group', () => chmodSync(join(folder, 'open'), 0o775)],
    ['in a sticky folder', () => chmodSync(join(folder, 'open'), 0o1777)],
    ['in another\'s folder', () => chownSync(join(folder, 'open'), 65534, 0)],
  ])('a file %s is not root\'s alone, nor is a script that names it', (_name, weaken) => {
    expect(look(join(folder, 'open', 'tool')).executable.rootOnly).toBe(true);
    expect(look(join(folder, 'script')).executable).toMatchObject({ script: true, rootOnly: true });
    weaken();
    expect(look(join(folder, 'open', 'tool')).executable.rootOnly).toBe(false);
    expect(look(join(folder, 'script')).executable.rootOnly).toBe(false);
    for (const path of [join(folder, 'open'), join(folder, 'open', 'tool')]) {
      chownSync(path, 0, 0);
      chmodSync(path, 0o755);
    }
  });

  test('a script whose interpreter cannot be told is not root\'s alone', () => {
    expect(look(join(folder, 'relative')).executable).toMatchObject({ script: true, rootOnly: false });
  });

  test('a file that has been replaced since it was opened is not root\'s alone', () => {
    copyFileSync('/usr/bin/true', join(folder, 'gone'));
    chmodSync(join(folder, 'gone'), 0o755);
    const fd = openSync(join(folder, 'gone'), 'r');
    rmSync(join(folder, 'gone'));
    const inspected = inspect(fd, bytes(join(folder, 'gone')));
    closeSync(fd);
    expect(inspected).toMatchObject({ ok: true, value: { executable: { rootOnly: false } } });
  });

  test('what cannot be run is refused', () => {
    expect(refusal(folder)).toBe('not a regular file');
    expect(refusal('/dev/null')).toBe('not a regular file');
    expect(refusal(join(folder, 'plain'))).toBe('not executable');
  });

  test('a walk ends: at loops, at what is not there, at files used as folders', () => {
    for (const path of [join(folder, 'loop'), join(folder, 'none'), join(folder, 'tool', 'x'), 'relative', '/a\0b']) expect(walk(bytes(path))).toBeUndefined();
    expect(walk(bytes(`${folder}//./open/../tool`))?.resolved).toBe(join(folder, 'tool'));
    expect(walk(bytes('/..'))?.resolved).toBe('/');
  });
});

test.each([
  ['#!/bin/sh\n', '/bin/sh'],
  ['#! \t/usr/bin/env python3\n', '/usr/bin/env'],
  ['#!/bin/sh', '/bin/sh'],
  ['#!/bin/a\0b', '/bin/a'],
  ['#!sh\n', undefined],
  ['#!\n/bin/sh', undefined],
])('the interpreter of %j is %j', (head, interpreter) => {
  expect(interpreterOf(head)).toBe(interpreter);
});
