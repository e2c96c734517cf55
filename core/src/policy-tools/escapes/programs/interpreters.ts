import {
  always, command, early, environment, type Escape, exact, fewer, form, here, home, key, load, operand, option, program, type ProgramEntry, read, shell, write,
} from '../entry.ts';

type Language = {
  /** Options that take a program text: sound when it is written out. */
  readonly code: string;
  /** Options that take a file of it or a module, or with which the working directory says what is loaded. */
  readonly loads?: string;
  /** Further options that take a value. */
  readonly values?: string;
  readonly environment?: string;
  /** What it takes up from the working directory even so. */
  readonly here?: string;
  /** The extension in the safe form. */
  readonly extension: string;
  readonly flag?: string;
};

/** Runs a script; one that only root can write is sound, with whatever arguments: they are the script's. */
function language(names: string, { code, loads = '', values = '', environment: variables, here: local, extension, flag }: Language): ProgramEntry {
  const taken: Escape[] = [];
  const texts = code.split(' ').filter((each) => each.includes('='));
  const instead = texts.length === 0 ? {} : { unless: texts.join(' ') };
  if (code !== '') taken.push(load(option(code), 'The option takes code.'));
  if (loads !== '') taken.push(load(option(loads, 'any'), 'The option loads code from files, modules or the working directory.'));
  if (variables !== undefined) taken.push(load(environment(variables), 'These variables name code that it loads.'));
  if (local !== undefined) taken.push(load(here(local), 'It loads what lies in the working directory.'));
  const args = `${flag === undefined ? '' : `${flag} `}/usr/local/lib/NAME.${extension}`;
  return program(names, [
    shell(fewer(1), 'Without a script it reads code from its user.', instead),
    write(fewer(1), 'The code writes any file without starting a program.', instead),
    load(operand('file', 0, 0), 'It runs any script.', instead),
    ...taken,
  ], { syntax: early(values), safe: local === undefined ? [form(args, 'It runs one script, which only root can write.')] : [] });
}

/** Always hands over the language, whatever the arguments. */
function interactive(names: string, note = 'It runs whatever code it is given.'): ProgramEntry {
  return program(names, [shell(always, note), write(always, 'The code writes any file without starting a program.')]);
}

export const interpreters: readonly ProgramEntry[] = [
  language('python python2 python3 pypy pypy3 micropython', {
    code: '', loads: '-c=! -m=! -i', values: '-W= -X= --check-hash-based-pycs=', environment: 'PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONINSPECT PYTHONUSERBASE PYTHONWARNINGS PYTHONBREAKPOINT', extension: 'py', flag: '-I',
  }),
  language('perl perl5', { code: '-e= -E= -n -p -s', loads: '-M= -m= -I= -d=? -D=? -x=? -i=? -S', environment: 'PERL5LIB PERLLIB PERL5OPT PERL5DB PERL5SHELL', extension: 'pl', flag: '-T' }),
  language('ruby jruby mruby', { code: '-e= -n -p -s', loads: '-r= -I= -C= -S -x=? -i=? --disable=? --enable=?', values: '-E= -K= -F= -T=', environment: 'RUBYLIB RUBYOPT GEM_HOME GEM_PATH RUBYSHELL', extension: 'rb' }),
  language('node nodejs', {
    code: '', loads: '-e= --eval= -p= --print= -r= --require= --import= --loader= --experimental-loader= -i --interactive --inspect=? --inspect-brk=? --inspect-port= --env-file= --run= --test --watch --openssl-config= --snapshot-blob=',
    values: '-C= --conditions= --input-type= --title= --stack-trace-limit=', environment: 'NODE_OPTIONS NODE_PATH NODE_REPL_EXTERNAL_MODULE', extension: 'mjs',
  }),
  interactive('deno bun', 'Subcommands run, install and fetch code.'),
  language('php php-cgi phpdbg', { code: '-r= --run=', loads: '-f= -a -B= -R= -F= -E= -S= -d= -c= -z= -t= --file= --interactive --define= --php-ini= --server= --docroot=', environment: 'PHPRC PHP_INI_SCAN_DIR', here: 'php.ini', extension: 'php' }),
  language('lua luajit', { code: '-e= -i', loads: '-l=', environment: 'LUA_INIT LUA_PATH LUA_CPATH', extension: 'lua' }),
  interactive('texlua'),
  language('tclsh jimsh', { code: '', values: '-encoding=', environment: 'TCLLIBPATH', extension: 'tcl' }),
  language('wish tkcon', { code: '', values: '-encoding= -display= -use= -name=', environment: 'TCLLIBPATH', extension: 'tcl' }),
  language('expect expectk', { code: '-c=', loads: '-f= -i -b= -d= -D=', environment: 'TCLLIBPATH EXPECT_PROMPT', extension: 'exp', flag: '-N -n --' }),
  program('java', [
    load(option('-cp= -classpath= --class-path= -jar=! -p= --module-path= -m=! --module=! -javaagent: -agentlib: -agentpath: -Xbootclasspath: -Xbootclasspath/a: --upgrade-module-path= --patch-module=', 'file'), 'The options name where code comes from.'),
    load(operand('any', 0, 0), 'The class is looked for on the class path, which includes the working directory; a source file is compiled and run.', { unless: '-jar=<path>' }),
    command(option('-XX:OnError -XX:OnOutOfMemoryError', 'any'), 'The option names a command.'),
    load(environment('JAVA_TOOL_OPTIONS _JAVA_OPTIONS JDK_JAVA_OPTIONS CLASSPATH'), 'These variables add options and code.'),
  ], { syntax: early('--add-modules= --source=', { cluster: false }), safe: [form('-jar /usr/local/lib/NAME.jar', 'It runs one archive, which only root can write.')] }),
  interactive('jshell jrunscript jjs', 'It is a shell for Java code.'),
  program('javac', [write(option('-d= -s= -h=', 'any'), 'It writes files where it is told.'), load(option('-processor= -processorpath= --processor-path= -cp= -classpath= --class-path=', 'file'), 'Annotation processors run while compiling.'), read(operand('file'), 'Errors show lines of any file, and @FILE is read as options.')], { syntax: exact('', { cluster: false, dashes: false }) }),
  program('jar', [write(always, 'It writes archives, and unpacks them where it runs.')]),
  interactive('groovy groovysh scala kotlin kotlinc clojure clj bb frege'),
  interactive('R Rscript littler', 'R code runs commands and writes files.'),
  language('julia', { code: '-e= -E= --eval= --print=', loads: '-L= --load= -i -J= --sysimage= --project=? -m=', values: '-t= -p= --threads= --procs=', environment: 'JULIA_LOAD_PATH JULIA_DEPOT_PATH JULIA_PROJECT', extension: 'jl', flag: '--startup-file=no' }),
  interactive('octave octave-cli matlab scilab sage maxima gap gp'),
  interactive('guile racket mit-scheme scheme chicken csi gosh chibi-scheme bigloo tinyscheme kawa petite'),
  interactive('sbcl clisp ecl ccl gcl lisp abcl newlisp picolisp'),
  interactive('ghci ghc runghc runhaskell stack cabal'),
  interactive('erl escript elixir iex mix rebar3'),
  interactive('ocaml utop ocamlfind sml poly fsharpi'),
  interactive('swipl gprolog yap prolog mercury'),
  interactive('pwsh powershell'),
  interactive('dotnet csharp fsi mcs', 'It builds and runs code.'),
  program('mono wine', [load(operand('file', 0, 0), 'It runs any program file.'), load(fewer(1), 'It takes what to run from its user.'), load(option('--aot= --config= --debugger-agent= --profile=', 'any'), 'Options load code.')], { syntax: early(), safe: [form('/usr/local/lib/NAME.exe', 'It runs one program, which only root can write.')] }),
  interactive('raku perl6 rakudo'),
  interactive('irb pry ipython ipython3 bpython ptpython jupyter jupyter-notebook jupyter-lab idle idle3'),
  interactive('gjs cjs qjs mujs d8 js rhino seed'),
  interactive('gforth yforth pforth'),
  interactive('gst smalltalk pharo squeak'),
  interactive('gnuplot', 'Its commands system and ! run programs.'),
  program('bc', [read(operand('file'), 'It shows parts of any file in its errors.'), read(fewer(1), 'It reads files by name.'), load(environment('BC_ENV_ARGS'), 'The variable adds files and options.')]),
  program('dc', [shell(key('!'), 'The key ! runs a command in GNU dc.'), read(option('-f= --file=', 'file'), 'It runs any file, and shows it in errors.'), read(operand('file'), 'It runs any file, and shows it in errors.')]),
  program('gimp inkscape blender freecad openscad scribus krita', [load(always, 'Scripts and plug-ins run as its code.'), write(always, 'It saves to any file.'), read(always, 'It opens any file.')]),
  program('soffice libreoffice localc lowriter loffice oosplash abiword gnumeric calligra', [load(always, 'Macros and extensions run as its code.'), write(always, 'It saves to any file.'), read(always, 'It opens any file.')]),
  program('firefox chromium google-chrome brave-browser epiphany falkon konqueror microsoft-edge opera thunderbird', [
    read(always, 'It opens file: addresses.'), write(always, 'It saves to any file.'), load(always, 'Profiles load extensions and native helpers.'),
  ]),
  program('xterm uxterm lxterm rxvt urxvt konsole gnome-terminal xfce4-terminal terminator lxterminal mate-terminal kitty alacritty foot tilix st wezterm x-terminal-emulator', [shell(always, 'It is a terminal with a shell in it.')]),
  program('dosbox dosemu qemu-user fbi', [write(key('mount'), 'It mounts any folder and writes to it.'), read(key('mount'), 'It mounts any folder and reads in it.')]),
  program('nautilus nemo caja thunar pcmanfm dolphin krusader doublecmd', [write(always, 'It changes any file.'), command(key('open with'), 'It opens files with any program.'), load(home('scripts'), 'Scripts of its user are in its menu.')]),
];
