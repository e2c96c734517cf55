import { always, command, early, environment, exact, fewer, form, here, key, load, operand, option, privilege, program, type ProgramEntry, read, shell, write, wraps } from '../entry.ts';

const runs = 'It runs the program it is given.';
const anyProcess = 'It changes any process, those of root too.';

export const debuggers: readonly ProgramEntry[] = [
  program('gdb gdb-multiarch gdbtui cgdb ddd', [shell(key('shell, !'), 'A command from within starts a shell.'), load(always, 'Scripts and Python run within it.'), write(key('dump, save'), 'Files are written from within.'), load(here('.gdbinit'), 'Settings of the working directory may be commands.')]),
  program('gdbserver', [command(wraps(1), runs), load(option('--attach --multi --wrapper', 'any'), anyProcess), load(fewer(2), anyProcess)], { syntax: early() }),
  program('lldb lldb-server', [shell(key('platform shell'), 'A command from within starts a shell.'), load(always, 'Scripts and Python run within it.')]),
  program('strace', [
    command(wraps(), runs),
    write(option('-o= --output=', 'file'), 'It writes to any file; a name that begins with | or ! is a command.'),
    command(option('-o= --output='), 'A name that begins with | or ! is a command.'),
    read(option('-p= --attach=', 'text'), 'It shows what any process reads and writes.'),
    load(option('--inject= --fault=', 'text'), 'It changes what the calls of a process do.'),
  ], { syntax: early('-e= -s= -S= -I= -a= -b= -O= -P= -u= -E= -X= -U= --trace= --string-limit= --signal='), safe: [form('-c -p PID', 'It counts the calls of one process.')] }),
  program('ltrace', [command(wraps(), runs), write(option('-o= --output=', 'file'), 'It writes to any file.'), read(option('-p=', 'text'), 'It shows what any process does.'), load(option('-F= --config= -l= --library=', 'any'), 'Settings are read anywhere.')], { syntax: early('-e= -s= -u= -n= -a= -x= -w= -D='), safe: [form('-c -p PID', 'It counts the calls of one process.')] }),
  program('valgrind callgrind_control vgdb rr', [command(wraps(), runs), write(option('--log-file= --xml-file= --callgrind-out-file= --vgdb=?', 'any'), 'It writes to any file.'), load(option('--suppressions= --tool=', 'any'), 'It reads settings anywhere.')], { syntax: early() }),
  program('perf', [
    command(wraps(1), runs),
    command(always, 'It runs the program it is given, or a script.', { sub: 'record | stat | trace | script | test | bench | kvm | lock | mem | sched | c2c | ftrace | probe | top | report | annotate | inject | buildid-cache | archive | daemon | iostat | kmem | timechart | data | evlist | diff' }),
    write(option('-o= --output= --log-fd=', 'file'), 'It writes to any file.'),
    read(option('-i= --input= -k= --vmlinux= --kallsyms=', 'file'), 'It reads any file.'),
    load(environment('PERF_CONFIG PERF_EXEC_PATH PAGER'), 'These variables name programs.'),
  ], { syntax: early('', { subs: 'mixed' }), safe: [form('version', 'It only tells its version.')] }),
  program('bpftrace stap dtrace', [command(always, 'Scripts run commands, and change what the kernel does.')]),
  program('bpftool', [load(always, 'It loads code into the kernel.', { except: 'version' }), read(option('-B= -f= --bpffs', 'any'), 'It reads any file.')], { safe: [form('version', 'It only tells its version.')] }),
  program('crash drgn gcore pstack eu-stack gstack', [read(always, 'It reads the memory of any process or of the kernel.'), write(option('-o=', 'any'), 'It writes to any file.')]),
  program('trace-cmd ftrace uftrace sysdig csysdig falco', [command(always, 'It runs a program, or shows what all of them read and write.'), write(always, 'It writes to any file.')]),
  program('pdb ipdb bashdb jdb dlv delve', [command(always, runs), load(always, 'Expressions run within the program.')]),
  program('radare2 r2 rizin iaito ghidra ida frida frida-trace', [shell(key('!'), 'A command from within starts a shell.'), write(always, 'It changes any file or process.')]),
  program('ldd', [command(operand('slash'), 'It may run the program that it looks at.')], { safe: [form('/usr/local/bin/NAME', 'It looks at one program.')] }),
  program('reptyr injcode criu', [command(always, anyProcess)]),
  program('jcmd jmap jstack jattach jhsdb jinfo jconsole jvisualvm', [load(always, 'It loads agents into any Java process.'), write(always, 'Dumps are written to any file.')]),
  program('py-spy austin memray scalene', [command(always, 'It runs a program, or shows the memory of any.'), write(option('-o= --output=', 'any'), 'It writes to any file.')]),
  program('top htop btop atop glances nmon iotop', [load(environment('HOME XDG_CONFIG_HOME'), 'Settings may name commands.'), command(key('the inspection commands of top, s and l in htop'), 'Keys run programs.', { unless: '-b' }), write(key('W'), 'It writes its settings.', { unless: '-b' }), write(option('-w= -W= -o= --export=', 'any'), 'It writes to any file.')], { syntax: exact('-n= -d= -p= -u= -U= -c='), safe: [form('-b -n 1', 'It only lists once.')] }),
  program('kill pkill killall skill xkill', [read(option('-F= --pidfile=', 'file'), 'It reads any file.'), privilege(operand('text'), 'It ends any process, those that guard the system too.')], { safe: [form('-TERM -- NAME', 'It ends the programs of one name.')] }),
];
