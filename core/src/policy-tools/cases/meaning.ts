import type { Finding } from '../problem.ts';
import { absolutePath, accountFault, type Fault } from '../texts.ts';
import type { CaseShape, PolicyTestShape } from './schema.ts';
import type { OutcomeShape } from './schema-expect.ts';
import type { World } from './schema-world.ts';

type Path = readonly (string | number)[];

/** What the form alone cannot say: names and paths that are keys, what contradicts itself, what could never be met. */
export function checkCases({ world, cases }: PolicyTestShape): readonly Finding[] {
  return [...checkWorld(world ?? {}), ...repeatedNames(cases), ...cases.flatMap((each, index) => checkCase(each, ['cases', index]))];
}

function repeatedNames(cases: readonly CaseShape[]): readonly Finding[] {
  const seen = new Set<string>();
  return cases.flatMap(({ name }, index) => {
    const isNew = !seen.has(name);
    seen.add(name);
    return isNew ? [] : [{ path: ['cases', index, 'name'], message: `The name "${name}" is used by two cases`, remedy: 'Say what this one shows.' }];
  });
}

function checkWorld({ users, groups, primary, files, links }: World): readonly Finding[] {
  const account = (kind: 'user' | 'group') => (name: string) => accountFault(name, kind);
  return [
    ...checkKeys(users, 'users', account('user')),
    ...checkKeys(groups, 'groups', account('group')),
    ...checkKeys(primary, 'primary', account('user')),
    ...checkKeys(files, 'files', absolutePath('A file')),
    ...checkKeys(links, 'links', absolutePath('A link')),
    ...Object.entries(files ?? {}).flatMap(([path, file]) => (file !== 'absent' && file.content !== undefined && file.sha256 !== undefined ? [both(['world', 'files', path], 'content', 'sha256')] : [])),
  ];
}

function checkKeys(record: Readonly<Record<string, unknown>> | undefined, name: string, check: (key: string) => Fault | undefined): readonly Finding[] {
  return Object.keys(record ?? {}).flatMap((key) => {
    const fault = check(key);
    return fault === undefined ? [] : [{ ...fault, path: ['world', name, key], atKey: true }];
  });
}

function both(path: Path, first: string, second: string): Finding {
  return { path: [...path, second], atKey: true, message: `${first} and ${second} are both given`, remedy: 'Keep one of the two.' };
}

function checkCase({ as, above, whole, login, address, expect }: CaseShape, path: Path): readonly Finding[] {
  const findings: Finding[] = [];
  if (as?.user !== undefined && as.uid !== undefined) findings.push(both([...path, 'as'], 'user', 'uid'));
  if (as?.group !== undefined && as.gid !== undefined) findings.push(both([...path, 'as'], 'group', 'gid'));
  if (whole !== undefined && above === undefined) findings.push({ path: [...path, 'whole'], atKey: true, message: 'whole is about the programs above, which are not given', remedy: 'Add above: [/PROGRAM], or take the line away.' });
  if (address !== undefined && login !== 'ssh') findings.push({ path: [...path, 'address'], atKey: true, message: 'Only who came over SSH came from an address', remedy: 'Add login: ssh, or take the line away.' });
  if (typeof expect === 'string') return findings;
  const { monitored } = expect;
  return [...findings, ...checkOutcome(expect, [...path, 'expect']), ...(typeof monitored === 'object' ? checkOutcome(monitored, [...path, 'expect', 'monitored']) : [])];
}

/** What could never be met is a slip, and is told as one instead of as a failure of the policy. */
function checkOutcome({ decision, reason, demands, obligations }: OutcomeShape, path: Path): readonly Finding[] {
  const findings: Finding[] = [];
  const never = (key: string, message: string): void => {
    findings.push({ path: [...path, key], atKey: true, message, remedy: 'Take the line away, or expect another decision.' });
  };
  if (reason !== undefined && decision !== 'deny') never('reason', 'Only a deny has a reason');
  if (demands !== undefined && decision !== 'ask') never('demands', 'Only an ask demands something');
  if (obligations !== undefined && decision === 'deny' && Object.keys(obligations).some((key) => key !== 'alert')) never('obligations', 'A deny carries no obligation but alert');
  return findings;
}
