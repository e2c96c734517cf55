// Who lives in a world. The hashes are of the passwords beside them, so that PAM has something real to check.

export type Person = 'alice' | 'bob' | 'carol';

export const passwords: Readonly<Record<Person, string>> = { alice: 'alice-rope', bob: 'bob-rope', carol: 'carol-rope' };

const hashes: Readonly<Record<Person, string>> = {
  alice: '$6$belayalice$d7i3/Nm/MdPj4xhN5Dw66KV4AErCoEhQwcmc0cqOZFRywGkhzSD/zl8SyrdTACS4/3uIdn2Aj6vzX89hiYR9d1',
  bob: '$6$belaybob$8.VB6SH41XJ09k7eTQhD6Ipbz0SLwP7qXtHiR80aG5BAbP5T3vKcgN9tnL99fAU40hRRJI3gvlN77BUdR.4UF.',
  carol: '$6$belaycarol$PDGJkcONd8Foa4rofjamQGiJInQMh5W1hTjJscNdWRXFJOBNxbvR6aIhWLQRllNoyjXxsyLXR.P6zhBi46ggi0',
};

export const uids = { alice: 20001, bob: 20002, carol: 20003, belay: 20101, 'belay-server': 20102, postgres: 20103 } as const;

const humans = Object.keys(passwords) as readonly Person[];
const daemons = ['belay', 'belay-server', 'postgres'] as const;

/** Group name → id and members. */
const groups: Readonly<Record<string, readonly [number, string]>> = {
  developers: [20201, 'alice'],
  'belay-recovery': [20202, 'carol'],
};

/** PAM for sudo without the pause after a wrong password that Debian's common-auth has. */
const pamOfSudo = [
  'auth required pam_unix.so nodelay',
  'account required pam_unix.so',
  'session required pam_unix.so',
].join('\n');

/** A shell script, run by root in a new world. Names that the machine happens to have are replaced. */
export function settlePeople(): string {
  const names = [...humans, ...daemons];
  const drop = [...names, ...Object.keys(groups)].map((name) => `-e '/^${name}:/d'`).join(' ');
  const passwd = [
    ...humans.map((name) => `${name}:x:${uids[name]}:${uids[name]}:${name}:/home/${name}:/bin/bash`),
    ...daemons.map((name) => `${name}:x:${uids[name]}:${uids[name]}::/var/lib/${name}:/usr/sbin/nologin`),
  ];
  const group = [
    ...names.map((name) => `${name}:x:${uids[name]}:`),
    ...Object.entries(groups).map(([name, [gid, members]]) => `${name}:x:${gid}:${members}`),
  ];
  const shadow = [...humans.map((name) => `${name}:${hashes[name]}:19000:0:99999:7:::`), ...daemons.map((name) => `${name}:!:19000:0:99999:7:::`)];
  const append = (file: string, lines: readonly string[]): string => `cat >>${file} <<'END'\n${lines.join('\n')}\nEND`;
  return [
    `sed -i ${drop} /etc/passwd /etc/group /etc/shadow`,
    append('/etc/passwd', passwd),
    append('/etc/group', group),
    append('/etc/shadow', shadow),
    ...humans.map((name) => `mkdir -p /home/${name} && chown ${name}:${name} /home/${name} && chmod 0750 /home/${name}`),
    `cat >/etc/pam.d/sudo <<'END'\n${pamOfSudo}\nEND`,
    'cp /etc/pam.d/sudo /etc/pam.d/sudo-i',
  ].join('\n');
}
