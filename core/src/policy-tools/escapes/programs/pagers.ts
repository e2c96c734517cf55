import {
  always, command, environment, type Escape, exact, fewer, form, gnu, home, key, load, operand, option, program, type ProgramEntry, read, shell, write,
} from '../entry.ts';

const other = read(key(':e, options from within'), 'Other files can be opened from within.');
const printed = [form('/var/log/NAME.log', 'Without a pager it only prints one file.', { command: '/usr/bin/cat' })];
/** The pager then has neither commands nor other files. */
const secure = { secured: 'LESSSECURE=1' };

function pager(names: string, keys: string, more: readonly Escape[] = []): ProgramEntry {
  return program(names, [shell(key(keys), 'A key starts a shell.'), other, ...more], { safe: printed });
}

export const pagers: readonly ProgramEntry[] = [
  program('less', [
    shell(key('! | v'), 'A key starts a shell.', secure),
    { ...other, ...secure },
    write(key('s, o'), 'It saves what it shows to any file.', secure),
    read(operand('file'), 'It shows any file.'),
    load(option('-k= --lesskey-file= --lesskey-src= --lesskey-content='), 'The option binds keys to commands.'),
    write(option('-o= -O= --log-file= --LOG-FILE=', 'file'), 'It writes to any file.'),
    read(option('-T= --tag-file=', 'file'), 'It shows any file.'),
    load(environment('LESSOPEN LESSCLOSE'), 'These variables name programs that prepare each file.'),
    load(environment('LESS LESSKEY LESSKEYIN LESSKEY_CONTENT'), 'Options and keys come from the environment.'),
    command(environment('EDITOR VISUAL'), 'The key v starts the editor of the environment.', secure),
  ], { syntax: gnu('-p= -x= -j= -P= -t= -z= -b= -h= -y= -D= --pattern= --tabs= --jump-target= --prompt= --tag= --window= --shift='), safe: printed }),
  pager('more', '! v'),
  pager('most', 'e, through the editor'),
  pager('pg', '!'),
  pager('lv', '! v'),
  pager('zless bzless xzless lzless zstdless zmore bzmore xzmore', '! in the pager'),
  pager('pager sensible-pager', '!'),
  pager('vimpager', ':!'),
  pager('moar moor ov', 'v, through the editor'),
  program('man', [
    shell(key('!'), 'The pager starts a shell.', { unless: '-P=cat --pager=cat -w --where --path -f --whatis -k --apropos' }),
    command(option('-P= --pager='), 'The option names a program.'),
    command(option('-H=? --html=?', 'text'), 'The option names a browser.'),
    load(option('-C= --config-file=', 'file'), 'The file names the programs that format.'),
    read(option('-l --local-file', 'any'), 'It formats any local file.'),
    read(operand('slash'), 'A name with a slash is taken as a file.'),
    command(environment('MANPAGER PAGER MANOPT BROWSER'), 'These variables name programs.'),
  ], { syntax: gnu('-M= -L= -m= -S= -s= -e= -p= -r= -E= -R= -T= --manpath= --locale= --sections= --encoding='), safe: [form('-P cat -- NAME', 'Without a pager it only prints the page.')] }),
  program('info pinfo', [shell(key('! or | in info, the editor in pinfo'), 'A key starts a command.'), read(option('-f= --file=', 'file'), 'It shows any file.'), write(option('-o= --output=', 'file'), 'It writes the text to a file.')]),
  program('perldoc', [
    shell(key('!'), 'The pager starts a shell.', { unless: '-T' }),
    load(option('-M= -w= -F -T -l -m -d= -o=', 'text'), 'Formatter modules and files are chosen by options.'),
    load(operand('file', 0), 'It looks for modules in the working directory and shows any file.'),
  ], { syntax: exact() }),
  program('pydoc', [load(always, 'It imports the module it is asked about, from the working directory first.'), shell(key('!'), 'The pager starts a shell.')]),
  program('ri', [shell(key('!'), 'The pager starts a shell.'), load(option('-d= --doc-dir=', 'file'), 'Documentation is loaded as marshalled objects.')]),
  program('bat batcat', [
    shell(key('!'), 'The pager starts a shell.', { unless: '-P --no-pager' }),
    command(option('--pager='), 'The option names a program.'),
    read(operand('file'), 'It shows any file.'),
    load(home('~/.config/bat/config'), 'The settings name the pager.'),
  ], { syntax: exact('-l= --language= -H= -r= --theme= --style= --line-range= --highlight-line='), safe: [form('-P --paging=never /var/log/NAME.log', 'Without a pager it only prints this file.')] }),
  program('w3m lynx links elinks links2 browsh', [shell(key('! in lynx and w3m, the external programs'), 'A key starts a shell or a program.'), read(always, 'It opens file: addresses.'), write(key('d, s'), 'It saves what it shows to any file.')]),
  program('mutt neomutt alpine pine', [shell(key('!'), 'A key starts a shell.'), load(always, 'Its settings run commands.'), read(key('attachments'), 'It attaches any file.'), write(key('s'), 'It saves to any file.')]),
  program('mail mailx s-nail bsd-mailx heirloom-mailx', [
    shell(key('~! and !'), 'A tilde escape starts a shell.'),
    read(key('~r'), 'A tilde escape reads any file.'),
    write(key('~w'), 'A tilde escape writes any file.'),
    command(option('-S= --exec='), 'Options run commands of its own language.'),
  ]),
  program('newsboat irssi weechat tin slrn', [shell(key('!, :exec, /exec'), 'A command from within starts a shell.'), load(always, 'Its settings and scripts run commands.')]),
  program('vimtutor', [shell(key(':!'), 'The editor that it opens starts a shell.'), write(always, 'It is an editor.')]),
  program('lnav multitail', [
    shell(key(':shexec, !'), 'Commands run from within.'),
    command(option('-c= -e= -l= -L='), 'Options run commands.'),
    read(operand('file'), 'It shows any file.'),
    read(fewer(1), 'It opens files from within.'),
  ]),
  program('tig', [shell(key('!, :!'), 'A command from within starts a shell.'), load(home('~/.tigrc'), 'The settings bind keys to commands.')]),
];
