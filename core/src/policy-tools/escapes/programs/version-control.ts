import { always, command, environment, exact, form, here, key, load, operand, option, program, type ProgramEntry, read, shell, subcommands, write } from '../entry.ts';

const paged = 'log | diff | show | blame | annotate | grep | reflog | shortlog | whatchanged | branch | tag | stash | config | help | range-diff | format-patch | var';

export const versionControl: readonly ProgramEntry[] = [
  program('git', [
    load(here('.git/config and .git/hooks'), "The repository's own settings and hooks name programs: those of the working directory are the requester's.", { unless: '-C=<path> --git-dir=<path>' }),
    load(option('-C= --git-dir= --work-tree=', 'file'), "Settings and hooks of a repository of the requester's run as programs."),
    load(option('-c= --config-env= --exec-path=', 'any'), 'Settings given on the command line name programs.'),
    shell(key('!'), 'The pager starts a shell.', { sub: paged, unless: '-P --no-pager' }),
    shell(option('-p --paginate', 'any'), 'The pager starts a shell.'),
    shell(key('the editor'), 'The editor that it opens starts a shell.', { sub: 'commit | rebase | merge | tag | notes | config | add | revert | cherry-pick | am | pull' }),
    command(option('-x= --exec= --upload-pack= --receive-pack= -u= -O=? --open-files-in-pager=? --extcmd= --tool='), 'The option names a program.', { sub: 'rebase | fetch | pull | push | clone | ls-remote | archive | fetch-pack | send-pack | grep | difftool | mergetool' }),
    command(always, 'This subcommand runs programs that its arguments or settings name.', { sub: 'bisect | submodule | filter-branch | difftool | mergetool | daemon | shell | svn | p4 | send-email | instaweb | web--browse | gui | citool | maintenance | hook | help | credential | for-each-repo | config' }),
    command(operand('text'), 'An address such as ext:: or a remote helper runs a program.', { sub: 'clone | fetch | pull | push | ls-remote | remote' }),
    command(always, 'An alias or a program git-NAME on the path may be meant.', { except: 'add am archive blame branch checkout cherry-pick clean clone commit config describe diff fetch gc grep init log ls-files ls-remote merge mv pull push rebase remote reset restore rev-list rev-parse revert rm shortlog show stash status switch tag version whatchanged worktree' }),
    read(option('--no-index --contents= --output= -F= --file= -o= --template=', 'any'), 'It shows or takes in any file.', { sub: 'diff | blame | grep | log | show | commit | tag | notes | config' }),
    write(option('--output= -o= --output-directory= -f= --file= --separate-git-dir=', 'file'), 'The option names a file or folder to write.', { sub: 'diff | log | show | format-patch | archive | config | init | clone | bundle' }),
    write(operand('any'), 'It writes files of the repository, where the requester says.', { sub: 'clone | apply | am | bundle | init | worktree | checkout-index | mv' }),
    load(environment('GIT_SSH GIT_SSH_COMMAND GIT_EXTERNAL_DIFF GIT_EXEC_PATH GIT_DIR GIT_CONFIG_COUNT GIT_CONFIG_GLOBAL GIT_PAGER GIT_EDITOR GIT_PROXY_COMMAND GIT_ASKPASS GIT_TEMPLATE_DIR PAGER EDITOR VISUAL'), 'These variables name programs and settings.'),
  ], {
    syntax: exact('--namespace= --super-prefix= --list-cmds=', { subs: 'split', permute: true }),
    safe: [
      form('-C /srv/NAME status', 'In a repository that only root can write, it only tells the state.'),
      form('--no-pager -C /srv/NAME rev-parse HEAD', 'In a repository that only root can write, it only tells the commit.'),
      form('-C /srv/NAME pull --ff-only', 'In a repository that only root can write, it takes in what its own remote has.', { children: 'check' }),
    ],
  }),
  program('git-lfs git-annex gh glab hub', [command(always, 'It runs git with its settings and hooks.')]),
  program('gitk git-gui git-cola gitg smartgit', [shell(key('tools, start shell'), 'It starts programs and shells.'), load(here('.git/config'), "The repository's settings name programs.")]),
  program('hg mercurial', [
    load(here('.hg/hgrc'), "The repository's settings name hooks and extensions.", { unless: '-R=<path> --repository=<path>' }),
    load(option('--config= -R= --repository= --cwd=', 'any'), 'Settings and repositories given here name programs.'),
    shell(key('the pager and the editor'), 'It opens a pager and an editor.'),
    command(option('--ssh= -e= --remotecmd= --rsh='), 'The option names a program.'),
    load(environment('HGRCPATH HGEDITOR HGMERGE HG PAGER'), 'These variables name programs and settings.'),
  ], { syntax: subcommands() }),
  program('svn', [
    command(option('--diff-cmd= --diff3-cmd= --editor-cmd= --config-option= --config-dir='), 'The option names a program or settings that do.'),
    shell(key('the editor'), 'The editor for the message starts a shell.', { sub: 'commit | ci | propedit | pedit | pe | mkdir | copy | cp | move | mv | delete | rm | import' }),
    read(option('-F= --file= --targets=', 'file'), 'It takes in any file.'),
    write(operand('any', 0), 'It writes a working copy anywhere.', { sub: 'checkout | co | export | switch | sw | update | up | merge | patch | revert | relocate' }),
    load(environment('SVN_EDITOR SVN_SSH SVN_MERGE EDITOR VISUAL'), 'These variables name programs.'),
  ], { syntax: subcommands('-r= -m= --revision= --username= --password= --depth='), safe: [form('info --non-interactive -- /srv/NAME', 'It only tells what is checked out.')] }),
  program('svnadmin svnserve svnsync svnlook', [write(always, 'It writes repositories, whose hooks run.')]),
  program('cvs', [command(option('-d= -e= --editor=', 'any'), 'The repository may be reached through a program (:ext:, CVS_RSH).'), shell(key('the editor'), 'The editor for the message starts a shell.'), load(here('CVS/Root'), 'The working directory says which repository is meant.'), load(environment('CVS_RSH CVSEDITOR EDITOR CVSROOT'), 'These variables name programs.')]),
  program('bzr brz', [command(always, 'Plug-ins, aliases and settings of the branch name programs.'), shell(key('the editor'), 'The editor for the message starts a shell.')]),
  program('fossil darcs monotone pijul got', [command(always, 'Settings and hooks of the repository name programs.'), shell(key('the editor'), 'The editor for the message starts a shell.')]),
  program('etckeeper', [command(option('-d=', 'any'), 'Settings name programs.'), command(always, 'With vcs it runs any command of git.')], { syntax: subcommands() }),
  program('quilt', [shell(key('the editor'), 'The editor and its settings run programs.'), write(always, 'It patches any file.')]),
  program('ci co rcs rcsdiff rcsmerge', [write(always, 'It writes the files that it is given.'), read(always, 'It reads the files that it is given.'), load(option('-x -z', 'any'), 'Suffixes say which files are meant.')]),
  program('repo gclient west vcs mr myrepos', [command(always, 'It runs commands in each repository, as its settings say.')]),
];
