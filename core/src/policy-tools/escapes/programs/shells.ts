import { always, command, environment, type Escape, load, program, type ProgramEntry, read, early, form, option, operand, fewer, shell, write, wraps } from '../entry.ts';

const builtIn: readonly Escape[] = [
  read(operand('file', 0, 0), 'A script of the requester reads files without starting a program.'),
  write(operand('file', 0, 0), 'A script of the requester writes files without starting a program.'),
];

/** A shell: a script that only root can write is sound, with whatever arguments. */
function shellOf(names: string, options: string, values = ''): ProgramEntry {
  return program(names, [
    shell(fewer(1), 'Without a script it is a shell.'),
    write(fewer(1), 'A shell writes any file by redirection, without starting a program.'),
    shell(option(options), 'The option takes commands, or makes it read them from its user.'),
    write(option(options), 'Its own redirections write any file.'),
    shell(operand('file', 0, 0), 'It runs any script.'),
    ...builtIn,
    load(environment('ENV BASH_ENV ZDOTDIR BASH_FUNC_x FPATH'), 'It runs what these variables name.'),
  ], { syntax: early(values, { cluster: true }), safe: [form('/usr/local/sbin/NAME.sh', 'It runs one script, which only root can write.')] });
}

export const shells: readonly ProgramEntry[] = [
  shellOf('bash rbash bash-static', '-c=! -s -i -l --login --init-file= --rcfile=', '-o= -O='),
  shellOf('sh dash posh', '-c=! -s -i', '-o='),
  shellOf('ash', '-c=! -s -i', '-o='),
  shellOf('zsh rzsh zsh5', '-c=! -s -i -l --interactive', '-o='),
  shellOf('ksh ksh93 rksh mksh lksh pdksh oksh', '-c=! -s -i -l', '-o='),
  shellOf('csh tcsh bsd-csh', '-c=! -s -i -l -t'),
  shellOf('fish', '-c= --command= -C= --init-command= -i --interactive -l --login', '-d= --debug= -o= --features= --profile='),
  shellOf('yash', '-c=! -s -i -l', '-o='),
  shellOf('rc es', '-c=! -s -i -l'),
  shellOf('elvish nu xonsh osh ysh ion murex oil', '-c=! -i -l --login -e= -s --config= --env-config= --commands= --rc='),
  program('sash', [shell(always, 'It is a shell, with its own commands built in.'), write(always, 'Its built-in commands write any file.')]),
  program('git-shell', [command(option('-c=!', 'text'), 'It runs the commands of the folder git-shell-commands.'), shell(fewer(1), 'It is a shell where git-shell-commands exists.')]),
  program('busybox toybox', [
    write(wraps(0, { inside: true }), 'Its applets, the shell among them, run within it.'),
    shell(wraps(0, { inside: true }), 'It is a shell among much else.'),
    load(environment('ENV'), 'Its shell runs what the variable names.'),
  ], { syntax: early(), safe: [form('sh /usr/local/sbin/NAME.sh', 'It runs one script, which only root can write.')] }),
  program('coreutils', [
    write(option('--coreutils-prog= --coreutils-prog-shebang=', 'any'), 'Its programs run within it.'),
    write(wraps(0, { inside: true }), 'Its programs run within it.'),
  ], { syntax: early() }),
  program('rlwrap rlfe ledit', [command(wraps(), 'It runs the program it is given.'), write(option('-H= -l= --history-filename= --logfile=', 'file'), 'It writes a log or history to any file.'), command(option('-z= --filter='), 'The filter is a program.')], { syntax: early() }),
];
