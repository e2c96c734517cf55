import {
  always, command, delegate, early, environment, exact, fewer, form, leading, load, operand, option, posix, privilege, program, type ProgramEntry, read, shell, type Syntax, write, wraps, type Escape,
} from '../entry.ts';

const runs = 'It runs the program it is given.';
const own = 'It runs one program, which only root can write.';
const held = '/usr/local/sbin/NAME';

/** Runs what it is given with something about it changed: sound around a sound program. */
function wrapper(names: string, values = '', more: readonly Escape[] = [], before = ''): ProgramEntry {
  return program(names, [command(wraps(), runs), ...more], { syntax: posix(values), safe: [form(`${before}${held}`, own)] });
}

/** One operand of its own stands before the program. */
function wrapperBehind(names: string, own0: string, values = '', more: readonly Escape[] = []): ProgramEntry {
  return program(names, [command(wraps(1), runs), ...more], { syntax: posix(values), safe: [form(`${own0} ${held}`, own)] });
}

const loaders = ['LD_PRELOAD', 'LD_LIBRARY_PATH', 'LD_AUDIT', 'BASH_ENV', 'ENV', 'PATH', 'PYTHONPATH', 'PYTHONSTARTUP', 'PERL5LIB', 'PERL5OPT', 'RUBYLIB', 'RUBYOPT', 'NODE_OPTIONS', 'PAGER', 'EDITOR', 'VISUAL', 'LESSOPEN', 'HOME'];
const loading = loaders.map((name) => load(leading(`${name}=`), `${name} says what the program loads or starts.`));

const suSyntax: Syntax = exact('-g= -G= -w= --group= --supp-group= --whitelist-environment=', { abbreviate: true, loneDash: true });
const suEscapes: readonly Escape[] = [
  shell(always, 'It is a shell of root or of the account that is named.', { unless: '-c= --command= --session-command= -u= --user=' }),
  shell(option('-c= --command= --session-command='), 'The option takes commands.'),
  shell(option('-s= --shell=', 'file'), 'The option names the program to start.'),
  privilege(operand('text', 0, 0), 'Whoever is not named is root.'),
  privilege(fewer(1), 'Without an account it is root.'),
  shell(operand('any', 1), 'What follows the account goes to its shell.'),
];

export const wrappers: readonly ProgramEntry[] = [
  program('env genv', [
    command(wraps(0, { assignments: true }), runs),
    command(option('-S= --split-string='), 'The option takes a command line.'),
    ...loading,
  ], { syntax: posix('-u= -C= -a= --unset= --chdir= --argv0= --block-signal=? --default-signal=? --ignore-signal=?'), safe: [form(`LANG=C ${held}`, own)] }),
  wrapper('nice', '-n= --adjustment=', [], '-n 10 '),
  wrapper('ionice', '-c= -n= -p= -P= -u= --class= --classdata=', [], '-c 3 '),
  wrapperBehind('timeout gtimeout', '30s', '-k= -s= --kill-after= --signal='),
  program('nohup', [command(wraps(), runs), write(always, 'It appends to nohup.out in the working directory when its output is a terminal.')], { syntax: posix() }),
  wrapper('setsid stdbuf', '-i= -o= -e= --input= --output= --error='),
  wrapper('time gtime multitime', '-f= --format= -n=', [write(option('-o= --output=', 'file'), 'It writes to any file.')]),
  wrapperBehind('chrt taskset', '1', '-T= -P= -D= --sched-runtime= --sched-period= --sched-deadline='),
  wrapper('numactl', '-i= -m= -N= -C= -p= -w= -P= -l --interleave= --membind= --cpunodebind= --physcpubind= --preferred= --balancing', [write(option('-S= -F= --shm= --file= --shmid= --touch --dump --dump-nodes', 'any'), 'It makes shared memory of any file.')]),
  wrapper('prlimit choom', '-n= -c= -d= -e= -f= -l= -m= -o= -q= -r= -s= -t= -u= -v= -x= -y=', [privilege(option('-p= --pid='), 'It changes any process.')], '-n=1024 '),
  wrapper('cpulimit', '-l= --limit= -c=', [privilege(option('-p= -e= -P= --pid= --exe= --path='), 'It stops any process.')]),
  wrapper('catchsegv eatmydata chronic ifne unbuffer catatonit dumb-init tini grc', '-p= -e= -c= -s= -n', [load(option('--config='), 'The option names settings.')]),
  wrapper('linux32 linux64 i386 i686 x86_64 uname26', '', [shell(fewer(1), 'Without a program it is a shell.')]),
  program('setarch', [command(wraps(), runs), command(wraps(1), runs), shell(fewer(2), 'Without a program it is a shell.')], { syntax: posix(), safe: [form(`i386 ${held}`, own)] }),
  wrapperBehind('faketime datefudge', '2026-01-01', '-f= -p= --exclude-monotonic', [load(option('-f=', 'any'), 'The option names settings.')]),
  wrapper('xvfb-run dbus-run-session dbus-launch fakeroot fakeroot-ng aa-exec cgexec', '-g= -n= -p= --profile= --namespace= --server-num= --screen=', [
    load(option('-s= --server-args= -f= --auth-file= -e= --error-file= --config-file= --dbus-daemon= -l= --lib= --faked= -i= -b= --load', 'any'), 'The option names settings, programs or libraries.'),
  ]),
  wrapperBehind('gosu su-exec setuidgid envuidgid', 'www-data', '', [privilege(operand('text', 0, 0), 'The account may be root.')]),
  wrapper('softlimit', '-a= -c= -d= -f= -l= -m= -o= -p= -r= -s= -t='),
  wrapper('chpst', '-u= -U= -m= -d= -o= -p= -f= -c= -n= -b=', [privilege(option('-/= -e= -u= -U=', 'text'), 'The option names an account, a root or variables.'), write(option('-l= -L=', 'file'), 'It makes a lock of any file.')]),
  wrapperBehind('setlock envdir pgrphack fghack', '/srv/NAME', '', [write(operand('file', 0, 0), 'It makes a lock of any file, or reads variables of any folder.')]),
  wrapperBehind('logsave', '/var/log/NAME.log', '', [write(operand('file', 0, 0), 'It writes to any file.')]),
  program('flock', [
    command(wraps(1), runs),
    command(option('-c= --command='), 'The option takes commands.'),
    write(operand('file', 0, 0), 'It makes any file.'),
  ], { syntax: exact('-w= -E= --timeout= --wait= --conflict-exit-code='), safe: [form(`-n /run/NAME.lock ${held}`, own)] }),
  program('xargs gxargs', [
    command(wraps(0, { appends: true }), 'It runs the program it is given with whatever is in its input.'),
    command(option('-I= -i=? --replace=?', 'any'), 'What is in its input takes the place of any text, code included.'),
    read(option('-a= --arg-file=', 'file'), 'Lines of any file are shown in errors.'),
  ], { syntax: posix('-d= -E= -L= -n= -P= -s= --delimiter= --max-lines=? --max-args= --max-procs= --max-chars= --process-slot-var='), safe: [form(`-0 ${held}`, 'It runs one program of your own, whatever its arguments.')] }),
  program('parallel pexec sem env_parallel niceload', [shell(always, 'It puts command lines together for a shell.')]),
  program('watch', [shell(operand('text'), 'Its arguments are joined into a line for a shell.'), command(wraps(), runs), shell(fewer(1), 'What it runs is left open.')], { syntax: posix('-n= -q= --interval= --equexit='), safe: [form('-n 5 -- NAME', 'It runs one line again and again.')] }),
  program('script', [
    shell(always, 'It is a shell.', { unless: '-c= --command=' }),
    shell(option('-c= --command='), 'The option takes commands.'),
    write(operand('file'), 'It writes to any file.'),
    write(fewer(1), 'It writes into the working directory.'),
    write(option('-I= -O= -B= -T= -t=? --log-in= --log-out= --log-io= --log-timing= --timing=?', 'file'), 'It writes to any file.'),
  ], { syntax: exact('-E= -m= -o= --echo= --logging-format= --output-limit='), safe: [form('-q -c COMMAND /var/log/NAME.typescript', 'It runs one line and keeps what it shows.')] }),
  program('scriptreplay scriptlive asciinema ttyrec ttyplay termrec', [shell(always, 'It runs a shell, or plays what a file of the requester holds.'), write(always, 'It writes to any file.')]),
  program('screen tmux byobu zellij dtach abduco tmuxinator teamocil', [shell(always, 'It is a shell.', { unless: '-ls -V' })], { syntax: early(), safe: [form('-ls', 'It only lists.')] }),
  program('openvt', [command(wraps(), runs), shell(fewer(1), 'Without a program it is a shell.'), shell(option('-s -l -u', 'any'), 'It logs in without a password.')], { syntax: early('-c=') }),
  program('unshare', [
    shell(fewer(1), 'Without a program it is a shell.'),
    command(wraps(), runs),
    load(option('-R= --root= -w= --wd=', 'file'), 'The root of the program is of the requester.'),
    write(option('--mount=? --net=? --ipc=? --uts=? --pid=? --cgroup=? --time=? --user=?', 'file'), 'The option binds a namespace to any file.'),
  ], { syntax: posix('-S= -G= --setuid= --setgid= --map-users= --map-groups= --propagation= --setgroups= --monotonic= --boottime=') }),
  program('nsenter', [
    shell(fewer(1), 'Without a program it is a shell.'),
    command(wraps(), runs),
    load(option('-t= --target='), "In a namespace of the requester's the program is another one."),
    load(option('--mount=? --root=? --wd=? --wdns=? -r=? -w=?', 'any'), 'The root of the program is of the requester.'),
  ], { syntax: posix('-S= -G= --setuid= --setgid='), safe: [form(`-t 1 -m -- ${held}`, own)] }),
  program('chroot', [
    shell(fewer(2), 'Without a program it is a shell.'),
    command(wraps(1), runs),
    load(operand('file', 0, 0), 'In a root of the requester the program is another one.'),
    privilege(option('--userspec= --groups='), 'The account may be any.'),
  ], { syntax: posix(), safe: [form(`/srv/NAME ${held}`, own)] }),
  program('pivot_root switch_root run-init', [load(always, 'It changes the root of the system.')]),
  program('setpriv', [command(wraps(), runs), privilege(option('--ambient-caps= --inh-caps= --bounding-set= --reuid= --regid= --ruid= --euid= --rgid= --egid= --groups= --securebits= --selinux-label= --apparmor-profile='), 'The option says with which rights it runs.')], {
    syntax: posix('--pdeathsig= --ptracer='), safe: [form(`--reuid www-data --regid www-data --clear-groups ${held}`, own)],
  }),
  program('capsh', [shell(always, 'With -- or == it starts a shell.'), command(option('--shell= --user= --chroot=', 'any'), 'The option says what starts, where.')]),
  program('runcon', [command(wraps(), runs), privilege(option('-t= -u= -r= -l= -c --type= --user= --role= --range= --compute'), 'The label may be any.'), privilege(operand('text', 0, 0), 'The label may be any.')], { syntax: posix() }),
  program('su', suEscapes, { syntax: suSyntax, safe: [form('-c COMMAND -- www-data', 'It runs one line as one account.')] }),
  program('runuser', [...suEscapes, command(wraps(0), runs, { needs: '-u= --user=' }), privilege(option('-u= --user='), 'The account may be root.')], { syntax: suSyntax, safe: [form('-c COMMAND -- www-data', 'It runs one line as one account.')] }),
  program('sudo', [
    command(wraps(0, { assignments: true }), 'As root it runs the program it is given, whatever the rules say.'),
    shell(option('-s -i --shell --login', 'any'), 'It is a shell.'),
    write(option('-e --edit', 'any'), 'It edits any file.'),
    privilege(option('-u= -g= --user= --group='), 'The account may be any.'),
    load(option('-R= --chroot= -D= --chdir=', 'file'), 'The root of the program is of the requester.'),
    load(option('-E --preserve-env=?', 'any'), 'The environment of the requester says what it loads.'),
    ...loading,
  ], { syntax: early('-C= -h= -p= -r= -t= -T= -U= --close-from= --host= --prompt= --role= --type= --command-timeout= --other-user='), safe: [form(`-u www-data -- ${held}`, own)] }),
  program('sudoedit', [write(always, 'It edits any file.'), shell(environment('EDITOR VISUAL SUDO_EDITOR'), 'The editor is the one in the environment.')], { isEditor: true }),
  program('doas', [command(wraps(), 'As root it runs the program it is given.'), shell(option('-s', 'any'), 'It is a shell.'), privilege(option('-u='), 'The account may be any.'), read(option('-C=', 'file'), 'Lines of any file are shown in errors.')], { syntax: early(), safe: [form(`-u www-data -- ${held}`, own)] }),
  program('pkexec', [command(wraps(), 'As root it runs the program it is given.'), shell(fewer(1), 'Without a program it is a shell.'), privilege(option('--user='), 'The account may be any.')], { syntax: early(), safe: [form(`--user www-data ${held}`, own)] }),
  program('sg', [shell(operand('text'), 'It takes commands.'), shell(fewer(2), 'Without a command it is a shell.', { unless: '-c=' }), shell(option('-c='), 'It takes commands.')], { syntax: exact(), safe: [form('www-data -c COMMAND', 'It runs one line with one group.')] }),
  program('newgrp login sulogin agetty getty mingetty fbgetty', [shell(always, 'It is a shell, or starts a login program that options name.')]),
  program('ld.so ld-linux.so.2 ld-linux-x86-64.so.2 ld-linux-aarch64.so.1 ld-linux-armhf.so.3 ld-musl-x86_64.so.1 ld-musl-aarch64.so.1 ld64.so.1 ld64.so.2', [
    load(wraps(0, { inside: true }), 'It runs any program, one that may not be executed too.'),
    load(option('--preload= --library-path= --audit= --argv0= --glibc-hwcaps-prepend= --inhibit-rpath=', 'file'), 'The option names libraries.'),
  ], { syntax: early(), safe: [form(held, own)] }),
  program('run-parts', [command(operand('file', 0, 0), 'It runs what is in any folder.'), command(option('-a= --arg= --regex='), 'The option chooses what runs, or with which arguments.')], { syntax: exact('-u= --umask='), safe: [form('/etc/cron.daily', 'It runs what root has put into one folder.')] }),
  program('start-stop-daemon', [
    delegate(option('-S --start', 'any'), 'It starts any program and leaves it running.', { unless: '-x=<path> --exec=<path>' }),
    delegate(option('-a= --startas= -x= --exec= -r= --chroot= -d= --chdir=', 'file'), 'It starts any program and leaves it running.'),
    delegate(operand('text'), 'It hands over any arguments.'),
    privilege(option('-K --stop -u= --user= -n= --name= -c= --chuid='), 'It stops any process, or runs as any account.'),
    write(option('-O= --output= -p= --pidfile=', 'file'), 'It writes to any file.'),
  ], { syntax: exact('-s= --signal= -R= --retry= -N= -I= -k= -P= -g= --group='), safe: [form(`--start --exec ${held}`, own)] }),
  program('daemon daemonize supervise runsv runsvdir runit s6-svscan s6-supervise svscan nq', [delegate(always, 'It starts any program and leaves it running.')]),
];
