import {
  always, command, early, environment, type Escape, exact, form, fewer, home, key, load, operand, option, privilege, program, type ProgramEntry, read, shell, write,
} from '../entry.ts';

const opens: readonly Escape[] = [
  read(always, 'It opens any file for reading from within.'),
  write(always, 'It saves to any file from within.'),
];

function editor(names: string, shellKeys: string | undefined, more: readonly Escape[] = []): ProgramEntry {
  const started = shellKeys === undefined ? [] : [shell(key(shellKeys), 'A command from within starts a shell.')];
  return program(names, [...started, ...opens, ...more], { isEditor: true });
}

const viLoads = load(key(':source :set'), 'Scripts and settings given from within run as code of the editor.');

export const editors: readonly ProgramEntry[] = [
  editor('vim vim.basic vim.tiny vim.nox vim.gtk3 vim.athena vimx', ':! :shell :terminal', [viLoads, load(home('~/.vimrc'), 'It runs the settings file of its user.'), load(environment('VIMINIT EXINIT'), 'It runs the commands in these variables.')]),
  editor('vi nvi ex elvis vile', ':! :shell', [viLoads]),
  editor('view vimdiff gvim gview evim', ':! :shell', [viLoads]),
  editor('rvim rview rgvim', undefined, [load(key(':python :lua :source'), 'Restricted mode closes :! but not every script interface.')]),
  editor('nvim', ':! :terminal :lua', [viLoads]),
  editor('nano nano-tiny pico', '^R^X ^T'),
  editor('rnano', undefined),
  editor('emacs emacs-nox emacs-gtk emacs-lucid xemacs', 'M-x shell, M-!', [load(key('M-x eval-expression'), 'It runs Lisp, from within and from files.')]),
  editor('emacsclient', 'M-x shell', [load(option('-e --eval', 'any'), 'It has the server run Lisp.')]),
  editor('mg', 'M-x shell-command'),
  editor('zile', 'M-!'),
  editor('jed xjed', 'M-x shell', [load(key('M-x evalbuffer'), 'It runs S-Lang code.')]),
  editor('joe jmacs jpico jstar rjoe', '^K !'),
  editor('ne', "Esc 'exec'"),
  editor('micro', '^B, ^E run'),
  editor('kak', ':terminal, !'),
  editor('hx helix', ':sh'),
  editor('mcedit', 'M-u, pipe to a command'),
  editor('ed', '!'),
  program('red', [write(always, 'It writes any file of the working directory, links there included.'), read(always, 'It reads any file of the working directory, links there included.')], { isEditor: true }),
  editor('gedit xed pluma gnome-text-editor', undefined, [command(key('external tools'), 'Its external tools run commands.')]),
  editor('kate kwrite', undefined, [shell(key('F4'), 'It has a terminal built in.')]),
  editor('mousepad leafpad featherpad l3afpad', undefined),
  editor('geany', undefined, [command(key('F5, F8'), 'Its build commands run anything.')]),
  editor('code codium subl atom', 'the terminal panel', [load(key('extensions'), 'Extensions run as code of the editor.')]),
  editor('dav tilde le aee ee', undefined, [command(key('menu'), 'Some builds run commands from the menu.')]),
  editor('vipe vidir', undefined, [command(environment('EDITOR VISUAL'), 'The editor is the one in the environment.')]),
  program('hexedit hexer dhex bless ghex', [write(operand('file'), 'It changes the bytes of any file.'), read(operand('file'), 'It shows any file.'), read(fewer(1), 'It asks which file to open.'), write(fewer(1), 'It asks which file to open.')]),
  program('sensible-editor editor select-editor', [shell(always, 'It is whichever editor the system or the environment names.'), ...opens], { isEditor: true }),
  program('vipw vigr', [privilege(always, 'It edits the user database, accounts of root included.'), shell(key(':!'), 'The editor that it opens starts a shell.'), command(environment('EDITOR VISUAL'), 'The editor is the one in the environment.')], { isEditor: true }),
  program('visudo', [
    privilege(always, 'It edits who may become root.', { unless: '-c --check' }),
    shell(key(':!'), 'The editor that it opens starts a shell.', { unless: '-c --check' }),
    write(option('-f= --file=', 'file'), 'It edits the file that is named.', { unless: '-c --check' }),
    read(option('-f= --file=', 'file'), 'Lines that it does not understand are shown.'),
  ], { syntax: exact('-x='), safe: [form('-c', 'It only checks the files of sudo.')], isEditor: true }),
  program('crontab', [
    delegatedJobs('-e'),
    shell(option('-e', 'any'), 'The editor that it opens starts a shell.'),
    privilegeOfJobs(),
    command(environment('EDITOR VISUAL'), 'The editor is the one in the environment.'),
  ], { syntax: early('-u='), safe: [form('-l', 'It only lists.'), form('-u NAME -l', "It only lists one user's jobs.")] }),
];

function delegatedJobs(edit: string): Escape {
  return { gives: 'delegation', way: option(edit, 'any'), note: 'What is saved runs from cron as root.' };
}

/** `crontab FILE` and `crontab` alone replace the table. */
function privilegeOfJobs(): Escape {
  return { gives: 'delegation', way: always, note: 'It installs a table whose jobs cron runs as root.', unless: '-l -r' };
}
