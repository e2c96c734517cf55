// T-29. Attacker: alice, who writes for those who read about her: escape sequences, line breaks, HTML, spreadsheet formulas in arguments,
// file names and reasons; and a device that is named like that. Set-up: a server, an enrolled device, an allow and an ask.
// Procedure: real sudo with such text, then every place where a person or a program reads it: what sudo prints, belayd's log, syslog,
// `belayctl` as table, JSON and CSV, the server's log. Nothing but printable text and its own line ends may come out, each record on its
// own line, no cell beginning as a formula.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createWorld, describeRoot, type World } from '../support/world.ts';

const hostile = [
  '\u001b[2J\u001b[31mred\u001b]0;title\u0007', 'line\nbelayd: alice is root\r\nmore', '<script>alert(1)</script><img src=x onerror=alert(1)>', '=HYPERLINK("http://evil","x")',
  '+1+1', '-1+1', '@SUM(1)', '\t=1+1', '\u009b31m', '\u202etxt.exe', '"quoted",and;separated', '%s%n', '\u2028next', '\ufeff=1',
];

const policies = {
  'recovery.yaml': `
apiVersion: belay/v1
kind: Policy
metadata: { name: recovery }
rules:
  - { name: recovery, recovery: true, who: ["group:belay-recovery"], run: any, then: ask, require: { reauth: true } }
`,
  'texts.yaml': `
apiVersion: belay/v1
kind: Policy
metadata: { name: texts }
rules:
  - name: print
    who: ["user:alice"]
    run: [{ command: /usr/bin/printf, args: ["%s", "**"] }]
    then: allow
  - name: with a reason
    who: ["user:alice"]
    run: [{ command: /usr/bin/true, args: ["**"] }]
    then: ask
    require: { reason: true }
`,
};

// Everything that moves a terminal's cursor, changes direction or breaks a line, but the line end and the tab of a table.
// eslint-disable-next-line no-control-regex
const active = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

describeRoot('T-29 inert text', () => {
  let world: World;
  beforeAll(async () => {
    world = await createWorld({ policies });
    for (const text of hostile) {
      expect(await world.sudo('alice', ['-n', 'printf', '%s', text])).toMatchObject({ code: 0, stdout: text });
      await world.sudo('alice', ['-n', 'whoami', text]);
    }
    for (const reason of hostile.filter((text) => text.trim() !== '')) await world.runAs('alice', ['env', `BELAY_REASON=${reason}`, 'sudo', '-n', 'true', reason]);
    await world.runAs('alice', ['sh', '-c', `cp /bin/true "./$(printf 'a\\033[31m\\nb')"; sudo -n "./$(printf 'a\\033[31m\\nb')"`]);
    await world.settled();
  });
  afterAll(async () => { await world?.close(); });

  test('what sudo prints about a refusal holds nothing of it that acts', async () => {
    for (const text of hostile) {
      const { stderr } = await world.sudo('alice', ['-n', 'whoami', text]);
      expect(stderr).toMatch(/^(sudo: .*\n)+$/);
      expect(stderr).not.toMatch(active);
      const option = await world.sudo('alice', ['-n', '-u', text, 'whoami']);
      expect(option.stderr).not.toMatch(active);
      const name = await world.sudo('alice', ['-n', `./${text.replaceAll('/', '')}`]);
      expect(name.stderr).not.toMatch(active);
    }
    expect((await world.sudo('alice', ['-n', '-l'])).stdout).not.toMatch(active);
  });

  test('belayctl\'s table has one line an event, and its JSON is JSON with everything escaped', async () => {
    // Nothing may arrive between the two lists.
    await world.settled();
    const count = (await world.events(['--type', 'elevation', '--limit', '1000'])).length;
    const table = await world.belayctl(['event', 'list', '--type', 'elevation', '--limit', '1000']);
    expect(table.code).toBe(0);
    expect(table.stdout).not.toMatch(active);
    expect(table.stdout.trimEnd().split('\n')).toHaveLength(count + 1);
    const json = await world.belayctl(['event', 'list', '--limit', '1000', '--json']);
    expect(json.stdout).not.toMatch(active);
    const texts = JSON.stringify(JSON.parse(json.stdout));
    for (const text of ['<script>', 'HYPERLINK', 'red']) expect(texts).toContain(text);
  });

  test('the CSV has no cell that a spreadsheet takes for a formula', async () => {
    const { code, stdout: crlf } = await world.belayctl(['event', 'export', '--format', 'csv']);
    const stdout = crlf.replaceAll('\r\n', '\n');
    expect(code).toBe(0);
    expect(stdout).toContain('HYPERLINK');
    const rows = parseCsv(stdout);
    expect(new Set(rows.map((row) => row.length)).size).toBe(1);
    expect(rows.flat().filter((cell) => /^[\s\ufeff]*[=+@\t\r]/.test(cell) || (cell.startsWith('-') && !/^-?\d+$/.test(cell)))).toEqual([]);
    expect(stdout).not.toMatch(active);
  });

  test('the logs of belayd, uplink and server have whole lines of JSON and no word of hers', async () => {
    for (const service of [world.belayd, world.uplink, world.server]) {
      const log = await world.readFile(`/var/log/belay/${service.name}.log`);
      expect(log).not.toMatch(active);
      for (const line of log.trim().split('\n').filter(Boolean)) expect(() => JSON.parse(line) as unknown).not.toThrow();
      for (const text of ['HYPERLINK', 'onerror', 'alice is root']) expect({ service: service.name, found: log.includes(text) }).toEqual({ service: service.name, found: false });
    }
  });

  test('syslog gets root\'s words inert when belayd is away', async () => {
    await world.belayd.stop();
    for (const text of hostile.filter((each) => !each.startsWith('-'))) await world.run(['sudo', '-n', '/bin/true', text]);
    // The world's syslog keeps the bytes that it got as Latin-1.
    const log = await world.waitFor(async () => {
      const text = Buffer.from(await world.readFile('/var/log/syslog-of-world'), 'latin1').toString();
      return text.includes('onerror') && text.includes('txt.exe') ? text : undefined;
    }, { what: 'root\'s record in syslog' });
    expect(log).not.toMatch(active);
    expect(log.split('\n').filter((line) => line.startsWith('belayd: alice is root'))).toEqual([]);
    await world.belayd.start();
  });

  test('a device with such a name is refused or shown inert', async () => {
    const { device } = await world.status();
    for (const text of ['x\u001b[31m', 'a\nb', '<b>', '=1+1']) await world.belayctl(['device', 'label', device, `note=${text}`]);
    for (const args of [['device', 'list'], ['device', 'show', device]]) expect((await world.belayctl(args)).stdout).not.toMatch(active);
  });
});

/** RFC 4180. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = '';
  let isQuoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    if (isQuoted && char === '"' && text[at + 1] === '"') cell += text[++at];
    else if (char === '"') isQuoted = !isQuoted;
    else if (!isQuoted && char === ',') [row, cell] = [[...row, cell], ''];
    else if (!isQuoted && char === '\n') {
      rows.push([...row, cell.replace(/\r$/, '')]);
      [row, cell] = [[], ''];
    } else cell += char;
  }
  return rows;
}
