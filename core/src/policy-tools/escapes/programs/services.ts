import {
  always, command, delegate, environment, exact, fewer, form, gnu, key, load, operand, option, privilege, program, type ProgramEntry, read, type SafeForm, shell, subcommands, type Syntax, write, wraps, early, type Escape,
} from '../entry.ts';

const paged = 'Its output opens in a pager, where a key starts a shell.';
const elsewhere = 'The option goes through ssh or a container.';
/** systemd then has the pager do without its commands. */
const secured = 'SYSTEMD_PAGERSECURE=1';
const onlyShows = 'It only shows.';
const systemd = (values: string): Syntax => gnu(values, { subs: 'mixed' });

/** A control program of systemd that shows things in a pager, except for the subcommands in `silent`, and changes little else. */
function control(names: string, more: readonly Escape[], safe: readonly SafeForm[], { values = '', silent = '' } = {}): ProgramEntry {
  return program(names, [
    shell(key('!'), paged, { unless: '--no-pager', secured, ...(silent === '' ? {} : { except: silent }) }),
    command(option('-H= --host= -M= --machine='), elsewhere),
    command(environment('SYSTEMD_PAGER PAGER SYSTEMD_EDITOR EDITOR VISUAL SYSTEMD_PAGERSECURE SYSTEMD_LESS'), 'These variables name programs, or open the pager up.'),
    ...more,
  ], { syntax: systemd(values), safe });
}

const unitValues = '-t= --type= --state= -p= -P= --property= --value -s= --signal= --kill-whom= --kill-value= -n= --lines= -o= --output= --job-mode= --what= --timestamp= --preset-mode=';
const starting = 'start | stop | restart | try-restart | reload | reload-or-restart | try-reload-or-restart | isolate | kill | clean | freeze | thaw | enable | disable | reenable | mask | unmask | preset | revert | reset-failed | bind | mount-image | default | rescue | emergency';

export const services: readonly ProgramEntry[] = [
  program('systemctl', [
    shell(key('!'), paged, { sub: 'status | show | cat | list-units | list-unit-files | list-timers | list-sockets | list-jobs | list-dependencies | list-machines | list-paths | list-automounts | show-environment | help', unless: '--no-pager', secured }),
    shell(fewer(1), paged, { unless: '--no-pager', secured }),
    shell(key('the editor'), 'The editor that it opens starts a shell.', { sub: 'edit' }),
    delegate(always, 'It changes what a unit runs, as root.', { sub: 'edit | link | set-property | add-wants | add-requires | service-log-level | import-environment | set-environment | switch-root | kexec | soft-reboot | set-default' }),
    delegate(operand('name'), 'It may be any unit, debug-shell.service and those that guard the system too.', { sub: starting }),
    delegate(operand('slash'), 'A unit file of the requester runs as root.', { sub: starting }),
    command(option('-H= --host= -M= --machine='), elsewhere),
    load(option('--root= --image=', 'file'), 'It works on another system.'),
    shell(option('--stdin', 'any'), 'The content of a unit comes from standard input.'),
    command(environment('SYSTEMD_PAGER PAGER SYSTEMD_EDITOR EDITOR VISUAL SYSTEMD_PAGERSECURE SYSTEMD_LESS'), 'These variables name programs, or open the pager up.'),
  ], {
    syntax: systemd(unitValues),
    safe: [form('restart NAME.service', 'It restarts one unit.'), form('--no-pager status NAME.service', 'Without a pager it only tells the state.'), form('is-active NAME.service', 'It only tells the state.'), form('reload NAME.service', 'It has one unit read its settings again.')],
  }),
  control('journalctl', [
    read(option('-D= --directory= -i= --file= --root= --image= --namespace= -m --merge', 'any'), 'It shows journals from anywhere.'),
    write(option('--cursor-file=', 'file'), 'It writes to any file.'),
    privilege(option('--vacuum-size= --vacuum-time= --vacuum-files= --rotate --flush --relinquish-var --setup-keys --sync', 'any'), 'It removes or moves what was recorded.'),
  ], [form('--no-pager -u NAME.service', 'Without a pager it only shows what one unit has said.'), form('--no-pager -n 100', 'Without a pager it only shows the latest lines.')], { values: '-u= -n= -S= -U= -p= -o= -t= -g= -b=? -c= -F= --unit= --lines= --since= --until= --priority= --output= --identifier= --grep= --boot=? --facility=' }),
  control('systemd-analyze', [load(operand('slash'), 'It reads units and settings from anywhere.'), load(option('--root= --image= --security-policy= --profile=', 'file'), 'It works on another system.'), privilege(always, 'It changes how much is recorded.', { sub: 'log-level | log-target | set-log-level | set-log-target' })], [form('--no-pager blame', onlyShows)]),
  control('loginctl', [privilege(always, 'It ends sessions or lets programs outlive them.', { except: 'list-sessions list-users list-seats show-session show-user session-status user-status' })], [form('--no-pager list-sessions', 'Without a pager it only lists.')], { values: '-p= --property= -n= -o= -s=' }),
  control('timedatectl hostnamectl localectl resolvectl systemd-resolve networkctl oomctl userdbctl', [
    privilege(operand('text'), 'It sets the clock, a name, an address or where names are looked up.'),
    privilege(option('--set-dns= --set-domain= --interface= -i='), 'It sets where names are looked up.'),
  ], [form('--no-pager status', 'Without a pager it only tells the state.')], { silent: 'set-time set-timezone set-ntp set-local-rtc set-hostname hostname icon-name chassis deployment location set-locale set-keymap set-x11-keymap flush-caches reset-statistics' }),
  control('coredumpctl', [shell(always, 'It starts a debugger.', { sub: 'debug | gdb' }), write(option('-o= --output=', 'file'), 'It writes to any file.'), read(always, 'It hands out the memory of a program that has ended.', { sub: 'dump' }), command(option('--debugger= -A= --debugger-arguments= --root= -D= --directory= --file=', 'any'), 'The option names a program or where to look.')], [form('--no-pager list', 'Without a pager it only lists.')], { values: '-n= -F= --field=' }),
  control('busctl', [delegate(always, 'It has services of the system do anything that root may ask of them.', { except: 'list status tree introspect' }), command(option('--address= -C=', 'any'), 'An address may name a program (unixexec:).')], [form('--no-pager list', 'Without a pager it only lists.')]),
  control('bootctl', [privilege(always, 'It changes what the machine starts.', { except: 'status list' }), load(option('--root= --image= --esp-path= --boot-path=', 'any'), 'It works on another system.')], [form('--no-pager status', 'Without a pager it only tells the state.')]),
  program('homectl portablectl importctl systemd-sysext systemd-confext systemd-repart systemd-cryptenroll systemd-creds systemd-tmpfiles systemd-sysusers systemd-firstboot systemd-hwdb systemd-dissect systemd-mount systemd-umount varlinkctl', [
    privilege(always, 'It makes accounts, files, mounts or secrets as files or options say.'), read(always, 'It reads any file.'),
  ]),
  program('systemd-run', [
    delegate(wraps(0, { inside: true }), 'It has systemd run the program it is given, apart from this session.'),
    shell(option('-S --shell', 'any'), 'It is a shell.'),
    delegate(option('-p= --property= -E= --setenv= --path-property= --socket-property= --timer-property= --working-directory= -d --same-dir'), 'A property such as ExecStartPre names programs.'),
    command(option('-H= --host= -M= --machine='), elsewhere),
    privilege(option('--uid= --gid= --unit= -u='), 'It runs as any account, or takes the name of another unit.'),
    shell(fewer(1), 'What it runs is left open.'),
  ], { syntax: early('--description= --slice= --on-active= --on-boot= --on-startup= --on-unit-active= --on-calendar= --nice= --service-type= --job-mode=', { abbreviate: true }), safe: [form('--unit NAME -- /usr/local/sbin/NAME', 'It runs one program, which only root can write, as a unit.')] }),
  program('systemd-inhibit systemd-cat', [command(wraps(), 'It runs the program it is given.')], { syntax: early('-t= -p= --identifier= --priority= --what= --who= --why= --mode= --stderr-priority= --level-prefix='), safe: [form('/usr/local/sbin/NAME', 'It runs one program, which only root can write.')] }),
  program('udevadm', [load(always, 'Rules name programs to run.', { except: 'settle info monitor' }), load(option('-D= --resolve-names= --root= -p= --path= -n= --name= --property-match=', 'text'), 'It looks at any device.')], { syntax: exact('-q= -t= --query= --timeout=', { subs: 'mixed' }), safe: [form('settle', 'It only waits.')] }),
  program('service', [delegate(operand('slash'), 'With dots in its name it is any program.'), delegate(operand('name', 0, 1), 'It runs any script of /etc/init.d, or with dots in its name any other.'), delegate(operand('text', 2), 'The script takes any arguments.'), delegate(option('--full-restart --skip-redirect', 'any'), 'It runs scripts of /etc/init.d.')], { safe: [form('NAME restart', 'It restarts one service.'), form('NAME status', 'It only tells the state.')] }),
  program('invoke-rc.d rc-service deb-systemd-invoke rcctl sv', [delegate(operand('text'), 'It runs any script or service.')], { safe: [form('NAME restart', 'It restarts one service.')] }),
  program('update-rc.d chkconfig rc-update insserv sysv-rc-conf systemd-sysv-install deb-systemd-helper initctl openrc telinit init launchctl dinitctl', [delegate(always, 'It decides what the system starts as root.')]),
  program('supervisorctl', [delegate(operand('text'), 'It starts and stops any program, or takes up changed settings.'), shell(always, 'It connects a program to the terminal.', { sub: 'fg' }), delegate(fewer(1), 'It takes commands from its user.'), load(option('-c= --configuration= -s= --serverurl=', 'any'), 'The option names settings or another service.')], { syntax: subcommands('-u= -p= -h='), safe: [form('status', 'It only tells the state.'), form('restart NAME', 'It restarts one program.')] }),
  program('monit pm2 circusctl s6-rc s6-svc god eye', [delegate(always, 'Settings and subcommands run programs as root.', { except: 'status list ls version' }), delegate(fewer(1), 'It takes commands from its user.'), load(option('-c= --configuration= -s= --serverurl=', 'any'), 'The option names settings or another service.')], { syntax: subcommands(), safe: [form('status', 'It only tells the state.')] }),
  program('supervisord cron crond anacron atd fcron dcron incrontab bcron', [delegate(always, 'Settings name what it runs as root.')]),
  program('at batch', [delegate(always, 'What it is given runs as root later.', { unless: '-l -V' }), read(option('-f=', 'file'), 'It takes in any file.')], { syntax: exact('-q= -t='), safe: [form('-l', 'It only lists.')] }),
  program('atrm atq', [privilege(operand('text'), 'It removes any job.')], { syntax: exact('-q='), safe: [form('-q a', 'It only lists.')] }),
  program('logrotate', [command(operand('file'), 'Settings name commands to run.'), command(option('-m= --mail='), 'The option names a command.'), write(option('-s= --state= -l= --log=', 'file'), 'It writes to any file.')], { syntax: exact(), safe: [form('/etc/logrotate.d/NAME', 'It does what settings of root say.', { children: 'check' })] }),
  program('rsyslogd syslog-ng syslogd klogd vector fluentd fluent-bit filebeat telegraf collectd node_exporter promtail auditd', [load(always, 'Settings name libraries, programs and files.')]),
  program('logger wall write mesg', [read(option('-f= --file=', 'file'), 'It takes in any file and hands it on.'), read(operand('slash'), 'wall shows any file to everyone.'), write(option('-u= --socket=', 'any'), 'It talks to any socket.')], { syntax: exact('-p= -t= -n= -P= -g= --priority= --tag= --server= --port= --id=? -S= -i --rfc5424=?'), safe: [form('-t NAME -- TEXT', 'It records one line.')] }),
  program('auditctl augenrules ausearch aureport', [privilege(always, 'It changes what is recorded.', { unless: '-l -s -v' }), read(option('-R= -if= -i= --input=', 'any'), 'Lines of any file are shown in errors.')], { syntax: exact(), safe: [form('-l', 'It only lists.')] }),
  program('aa-complain aa-disable aa-enforce aa-teardown aa-genprof aa-logprof aa-autodep apparmor_parser', [privilege(always, 'It changes what the security policy allows.')]),
];
