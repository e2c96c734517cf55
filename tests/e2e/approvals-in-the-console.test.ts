// A standard user's sudo, a real server, and approvers at the console in a real Chromium: each way that a request can go.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { ensureConsole } from '../../tools/console.mjs';
import { browserMissing, openPage, signIn, type TestBrowser } from '../support/chromium.ts';
import { createWorld, describeRoot, type World } from '../support/world.ts';
import { consoleUrl, startWorldBrowser } from '../support/world/browser.ts';
import { startSecondDevice } from '../support/world/second-device.ts';

const missing = browserMissing();
const PASSWORD = 'a rope for each of them';

const policy = `apiVersion: belay/v1
kind: Policy
metadata: { name: on-call }
rules:
  - name: one colleague
    who: ["user:alice"]
    run: [{ command: /usr/bin/id, args: ["**"] }, { command: /usr/bin/sleep, args: ["*"] }]
    then: ask
    require: { approval: { from: [role:approver], within: 5m } }
  - name: two colleagues
    who: ["user:alice"]
    run: [{ command: /usr/bin/whoami, args: [] }]
    then: ask
    require: { reason: { minLength: 5 }, approval: { from: [role:approver], count: 2, within: 5m } }
  - name: soon over
    who: ["user:alice"]
    run: [{ command: /usr/bin/true, args: [] }]
    then: ask
    require: { approval: { from: [role:approver], within: 3s } }
  - name: anything, in an emergency
    priority: -1000
    who: ["user:alice"]
    run: any
    then: ask
    emergency: true
    require: { reason: { minLength: 5 }, approval: { from: [role:approver], count: 2, within: 5m } }
`;
const recovery = `apiVersion: belay/v1
kind: Policy
metadata: { name: recovery }
rules:
  - { name: recovery, recovery: true, who: ["group:belay-recovery"], run: any, then: ask, require: { reauth: true } }
`;

describeRoot('an approval in the console', () => {
  const it = missing === undefined ? test : test.skip;
  if (missing !== undefined) test.skip(`skipped: ${missing}`, () => undefined);
  let world: World;
  let browser: TestBrowser;
  let bo: Page;
  let cleo: Page;
  const complaints: string[] = [];

  beforeAll(async () => {
    if (missing !== undefined) return;
    // The server reads it at its start.
    ensureConsole();
    world = await createWorld({ policies: { 'on-call.yaml': policy, 'recovery.yaml': recovery } });
    await world.writeFile('/root/password', `${PASSWORD}\n`, '0600');
    for (const name of ['bo', 'cleo']) {
      const made = await world.belayctl(['account', 'create', name, '--role', 'approver', '--password-file', '/root/password']);
      if (made.code !== 0) throw new Error(made.stderr + made.stdout);
    }
    browser = await startWorldBrowser(world);
    [bo, cleo] = (await Promise.all(['bo', 'cleo'].map(async (name) => {
      const opened = await openPage(browser, consoleUrl);
      opened.page.on('close', () => complaints.push(...opened.complaints));
      await signIn(opened.page, name, PASSWORD, '/requests');
      return opened.page;
    }))) as [Page, Page];
  });
  afterAll(async () => {
    await browser?.close();
    await world?.close();
    expect(complaints).toEqual([]);
  });

  /** The request's page, from the live queue: nothing is loaded anew. */
  async function open(page: Page, command: string): Promise<void> {
    await page.getByRole('navigation', { name: 'Rooms' }).getByRole('link', { name: /^Requests/ }).click();
    await page.getByRole('table', { name: 'Requests' }).getByRole('link', { name: command }).first().click();
    await page.getByRole('heading', { name: /^Request \d+/ }).waitFor();
  }

  async function approve(page: Page, words = ''): Promise<void> {
    await page.keyboard.press('a');
    const dialog = page.getByRole('dialog');
    if (words !== '') await dialog.getByLabel(/^Words/).fill(words);
    await dialog.getByRole('button', { name: 'Approve', exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
  }

  const state = async (page: Page, wanted: string): Promise<void> => await page.getByRole('heading', { name: new RegExp(`^Request \\d+ ?${wanted}`, 'i') }).waitFor();
  const waits = /Belay #\d+: [^\n]*(approve|approval)/i;

  it('asked, approved, and the command runs', async () => {
    const terminal = world.terminalAs('alice', ['sudo', 'id', '-u']);
    await terminal.expect(waits);
    await open(bo, '/usr/bin/id -u');
    await approve(bo, 'go on');
    expect(await terminal.ended()).toMatchObject({ code: 0 });
    expect(terminal.shown()).toMatch(/approved by bo: go on[^]*\s0\n$/);
    await state(bo, '(approved|used)');
  });

  it('asked, denied with words, and the user reads them', async () => {
    const terminal = world.terminalAs('alice', ['sudo', 'id', '-g']);
    await terminal.expect(waits);
    await open(bo, '/usr/bin/id -g');
    await bo.keyboard.press('d');
    const dialog = bo.getByRole('dialog');
    await dialog.getByLabel(/^Why not/).fill('Use the report instead.');
    await dialog.getByRole('button', { name: 'Deny', exact: true }).click();
    expect(await terminal.ended()).toMatchObject({ code: 1 });
    expect(terminal.shown()).toContain('denied by bo: Use the report instead.');
    await state(bo, 'denied');
  });

  it('two must approve, and one of them twice is not two', async () => {
    const terminal = world.terminalAs('alice', ['sudo', 'whoami']);
    await terminal.expect(/(why|reason)[^\n]*[:?] $/i);
    terminal.answer('the nightly import failed');
    await terminal.expect(waits);
    await open(bo, '/usr/bin/whoami');
    await approve(bo);
    await terminal.expect(/1 of 2/);
    await bo.getByText('1 of 2').first().waitFor();
    expect(await bo.getByRole('button', { name: 'Approve…' }).count()).toBe(0);
    await open(cleo, '/usr/bin/whoami');
    await approve(cleo);
    expect(await terminal.ended()).toMatchObject({ code: 0 });
    expect(terminal.shown()).toMatch(/\sroot\n$/);
  });

  it('cancelled with Ctrl-C: the page says so by itself, and nothing ran', async () => {
    const terminal = world.terminalAs('alice', ['sudo', 'id', '-G']);
    await terminal.expect(waits);
    await open(bo, '/usr/bin/id -G');
    terminal.type('\x03');
    expect((await terminal.ended()).code).not.toBe(0);
    expect(terminal.shown()).not.toMatch(/^0/m);
    await state(bo, 'cancelled');
    expect(await bo.getByRole('button', { name: 'Approve…' }).count()).toBe(0);
  });

  it('nobody answered in time', async () => {
    const terminal = world.terminalAs('alice', ['sudo', 'true']);
    await terminal.expect(waits);
    expect(await terminal.ended()).toMatchObject({ code: 1 });
    expect(terminal.shown()).toContain('nobody approved it in time');
    await bo.goto(`${consoleUrl}/requests?state=expired`);
    await bo.getByRole('table', { name: 'Requests' }).getByRole('link', { name: '/usr/bin/true' }).waitFor();
  });

  it('taken back while it runs: the command ends', async () => {
    const terminal = world.terminalAs('alice', ['sudo', 'sleep', '300']);
    await terminal.expect(waits);
    await open(bo, '/usr/bin/sleep 300');
    await approve(bo);
    await terminal.expect(/approved by bo/);
    await world.waitFor(async () => (await world.run(['pgrep', '-x', 'sleep'])).code === 0, { what: 'the command to run' });
    // Its one use is made: it can be taken back all the same, for as long as the command runs.
    await state(bo, 'used');
    await bo.getByRole('button', { name: /Revoke/ }).first().click();
    await bo.getByRole('alertdialog').getByRole('button', { name: 'Revoke', exact: true }).click();
    expect((await terminal.ended()).code).not.toBe(0);
    await state(bo, 'revoked');
    const ended = await world.waitFor(async () => (await world.events(['--type', 'session.ended']))[0], { what: 'the event' });
    expect(ended['fields']).toMatchObject({ why: 'revoked', user: 'alice' });
  });

  it('asked ahead, approved, used twice and no more', async () => {
    const asked = await world.runAs('alice', ['belay', 'request', '--reason', 'for the audit', '--for', '30m', '--uses', '2', '--', 'id', '-un']);
    expect(asked).toMatchObject({ code: 0 });
    await open(bo, '/usr/bin/id -un');
    await approve(bo, 'twice, for the audit');
    await world.waitFor(async () => (await world.runAs('alice', ['belay', 'status'])).stdout.includes('2 times, approved by bo'), { what: 'the grant' });
    for (const left of [1, 0]) expect([left, await world.sudo('alice', ['-n', 'id', '-un'])]).toEqual([left, expect.objectContaining({ code: 0, stdout: 'root\n' })]);
    expect(await world.sudo('alice', ['-n', 'id', '-un'])).toMatchObject({ code: 1, stderr: expect.stringContaining('belay request') });
    await state(bo, 'used');
  });

  it('asked for another device too: its own agent and sudo run it by the same yes, for that user and as often as was said', async () => {
    const person = await world.belayctl(['person', 'create', 'Alice', '--user', 'alice']);
    expect(person).toMatchObject({ code: 0 });
    const { token } = await world.ask<{ token: string }>(['enroll-token', 'create']);
    const second = await startSecondDevice(world, 'second', token);
    try {
      const asked = await world.runAs('alice', ['belay', 'request', '--also-on', 'second', '--reason', 'both mirrors', '--for', '30m', '--uses', '2', '--', 'id', '-Gn']);
      expect(asked).toMatchObject({ code: 0, stdout: expect.stringContaining('asked for on second too') });
      await open(bo, '/usr/bin/id -Gn');
      await approve(bo);
      await bo.getByRole('region', { name: 'Also on' }).getByText('live').waitFor();
      await world.waitFor(async () => (await second.runAs('alice', ['belay', 'status'])).stdout.includes('asked on another device'), { what: 'the grant on the other device' });
      expect(await second.runAs('bob', ['sudo', '-n', 'id', '-Gn'])).toMatchObject({ code: 1, stdout: '' });
      for (const use of [1, 2]) expect([use, await second.runAs('alice', ['sudo', '-n', 'id', '-Gn'])]).toEqual([use, expect.objectContaining({ code: 0, stdout: 'root\n' })]);
      expect(await second.runAs('alice', ['sudo', '-n', 'id', '-Gn'])).toMatchObject({ code: 1, stdout: '' });
      await bo.getByRole('region', { name: 'Also on' }).getByText('used').waitFor();
      // Its own device spends its own.
      expect(await world.sudo('alice', ['-n', 'id', '-Gn'])).toMatchObject({ code: 0, stdout: 'root\n' });
      await state(bo, 'approved');
    } finally {
      await second.close();
    }
  });

  it('break-glass: two approve, it is recorded, and somebody else looks at it afterwards', async () => {
    const terminal = world.terminalAs('alice', ['sudo', 'echo', 'the house is on fire']);
    await terminal.expect(/(why|reason)[^\n]*[:?] $/i);
    terminal.answer('the house is on fire');
    await terminal.expect(waits);
    for (const page of [bo, cleo]) {
      await open(page, '/usr/bin/echo');
      await page.getByText('This is an emergency').first().waitFor();
      await approve(page);
    }
    expect(await terminal.ended()).toMatchObject({ code: 0 });
    expect(terminal.shown()).toContain('the house is on fire');
    expect(JSON.parse((await world.belay(['recording', 'list', '--json'])).stdout)).toHaveLength(1);
    await cleo.getByLabel('What you found').fill('It was needed; nothing else was done.');
    await cleo.getByRole('button', { name: 'Close the review' }).click();
    await cleo.getByText('It was needed; nothing else was done.').waitFor();
    expect(await world.events(['--type', 'emergency.opened'])).toHaveLength(1);
    expect(await world.events(['--type', 'request.reviewed'])).toHaveLength(1);
  });
});
