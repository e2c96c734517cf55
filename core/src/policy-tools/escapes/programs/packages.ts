import { always, command, environment, type Escape, exact, fewer, form, gnu, here, key, load, operand, option, program, type ProgramEntry, read, shell, subcommands, write, privilege } from '../entry.ts';

const fromAnywhere = 'A package of the requester runs its own scripts as root.';
const settings = 'A setting given here names a program to run.';
const aptValues = '-t= --target-release= --default-release= --solver=';

/** Installs what a language's users publish: code runs while it is installed, from anywhere. */
function languageInstaller(names: string, note: string, more: readonly Escape[] = []): ProgramEntry {
  return program(names, [command(always, note), write(always, 'Packages write files where they like.'), ...more]);
}

export const packages: readonly ProgramEntry[] = [
  program('apt-get', [
    command(option('-o= --option= -c= --config-file='), settings),
    load(operand('slash'), fromAnywhere, { sub: 'install | reinstall | satisfy | build-dep' }),
    shell(key('! in the pager'), 'The changelog opens in a pager.', { sub: 'changelog' }),
    command(always, 'Sources are fetched and built, which runs their build.', { sub: 'source | build-dep' }),
    shell(key('the prompt about changed settings'), 'dpkg asks about changed settings and offers a shell.', { sub: 'install | reinstall | upgrade | dist-upgrade | full-upgrade | remove | purge' }),
    load(environment('APT_CONFIG DEBIAN_FRONTEND DPKG_FRONTEND_LOCKED'), 'The variable names a settings file.'),
  ], {
    syntax: gnu(aptValues, { subs: 'mixed' }),
    safe: [
      form('update', 'It only refreshes the lists.'),
      form('install -y -- NAME', 'It installs one package of the configured repositories.', { children: 'check' }),
      form('check', 'It only checks.'),
    ],
  }),
  program('apt', [
    command(option('-o= --option= -c= --config-file='), settings),
    load(operand('slash'), fromAnywhere, { sub: 'install | reinstall | satisfy | build-dep' }),
    shell(key('! in the pager'), 'It opens a pager.', { sub: 'changelog | show | search | list | history-list | history-info | policy | depends | rdepends' }),
    privilege(always, 'It edits where packages come from.', { sub: 'edit-sources' }),
    shell(key('the editor'), 'The editor that it opens starts a shell.', { sub: 'edit-sources' }),
    command(always, 'Sources are fetched and built, which runs their build.', { sub: 'source | build-dep' }),
    shell(key('the prompt about changed settings'), 'dpkg asks about changed settings and offers a shell.', { sub: 'install | reinstall | upgrade | full-upgrade | dist-upgrade | remove | purge' }),
    load(environment('APT_CONFIG PAGER EDITOR VISUAL'), 'These variables name settings and programs.'),
  ], { syntax: gnu(aptValues, { subs: 'mixed' }), safe: [form('update', 'It only refreshes the lists.')] }),
  program('apt-cache apt-config apt-mark apt-cdrom apt-sortpkgs apt-ftparchive', [command(option('-o= --option= -c= --config-file='), settings)], { syntax: gnu('', { subs: 'mixed' }), safe: [form('policy -- NAME', 'It only tells what is known of one package.')] }),
  program('apt-file apt-show-versions apt-listchanges apt-listbugs', [command(option('-o= --option= -c= --config-file='), settings), shell(key('! in the pager'), 'It opens a pager.')]),
  program('apt-key', [privilege(always, 'It changes which repositories are trusted.')]),
  program('add-apt-repository apt-add-repository software-properties-gtk', [privilege(always, 'It adds repositories whose packages run scripts as root.')]),
  program('aptitude', [shell(always, 'Its screen and its pager offer a shell.', { sub: 'changelog' }), shell(fewer(1), 'Its screen offers a shell.'), command(option('-o=', 'any'), settings), load(operand('slash'), fromAnywhere), shell(key('the prompt about changed settings'), 'dpkg asks about changed settings and offers a shell.')], { syntax: subcommands('-t= -q=? -F= -w=') }),
  program('synaptic gdebi gdebi-gtk gnome-software plasma-discover pamac pkcon packagekitd', [load(always, fromAnywhere)]),
  program('dpkg', [
    load(option('-i --install --unpack -A --record-avail --configure', 'any'), fromAnywhere),
    command(option('--pre-invoke= --post-invoke= --status-logger='), 'The option names a command.'),
    write(option('-x --extract -X --vextract --fsys-tarfile -R --control -e --root= --admindir= --instdir= --log=', 'any'), 'It unpacks or writes anywhere.'),
    shell(option('-l --list -s --status -L --listfiles -p --print-avail', 'any'), 'Some lists open in a pager.', { unless: '--no-pager' }),
    privilege(option('--set-selections --clear-selections --force-all --force-depends --add-architecture -P --purge -r --remove --merge-avail --update-avail', 'any'), 'It changes what is installed.'),
    command(environment('PAGER DPKG_PAGER DPKG_FORCE DPKG_ROOT'), 'These variables name programs and folders.'),
  ], { syntax: exact('-D= --debug= --abort-after='), safe: [form('--no-pager -l', 'Without a pager it only lists.'), form('--verify', 'It only checks the files of packages.')] }),
  program('dpkg-deb dpkg-split', [write(option('-x --extract -X --vextract -e --control -R --raw-extract -b --build -s --split -j --join -o= --output=', 'any'), 'It writes anywhere.'), read(operand('file'), 'It tells what is in any package.')], { safe: [form('-I /var/cache/apt/archives/NAME.deb', 'It only describes one package.')] }),
  program('dpkg-reconfigure', [command(option('-f= --frontend='), 'The frontend is a module of perl.'), privilege(operand('text'), 'It runs the configuration script of any package.'), shell(key('the editor frontend'), 'The editor frontend starts an editor.')], { syntax: gnu('-p= --priority='), safe: [form('-f noninteractive -- tzdata', 'It configures one package without questions.', { children: 'check' })] }),
  program('dpkg-divert dpkg-statoverride dpkg-maintscript-helper', [owner(), privilege(option('--rename --divert= --add --update', 'any'), 'It moves files of packages, or sets their owner and mode.')]),
  program('dpkg-buildpackage debuild dpkg-source pbuilder sbuild cowbuilder debootstrap mmdebstrap multistrap', [command(always, 'It runs the build or the scripts of what it is given.')]),
  program('debconf debconf-set-selections debconf-communicate', [command(always, 'It runs the program that it is given, or sets answers that configuration scripts use.')]),
  program('tasksel needrestart unattended-upgrade unattended-upgrades', [load(option('-c= --config= -r= -d', 'any'), 'Settings are code or name programs.'), command(always, 'It runs the package manager.')]),
  program('alien checkinstall', [command(always, 'It runs what builds the package.'), load(operand('file'), fromAnywhere)]),
  program('rpm rpmquery rpmverify rpmdb', [
    load(option('-i --install -U --upgrade -F --freshen --reinstall --import= --restore -V --verify --rebuilddb --initdb', 'any'), 'Scripts of a package run as root.'),
    command(option('-E= --eval= --define= -D= --pipe= --rcfile= --macros= --load= --dbpath= --root= -r=', 'any'), 'Macros and settings run programs.'),
    privilege(option('-e --erase --setperms --setugids --setcaps --undefine=', 'any'), 'It changes files of packages.'),
    read(option('-p --package', 'any'), 'Any package or list of files is read.'),
  ], { syntax: exact('--qf= --queryformat= -f= --file='), safe: [form('-q -- NAME', 'It only tells whether one package is there.'), form('-qa', 'It only lists.')] }),
  program('rpmbuild rpmspec rpmsign rpmkeys mock spectool', [command(always, 'Specifications and macros run commands.')]),
  program('rpm2cpio rpm2archive', [read(operand('file'), 'It reads any package.'), write(operand('file'), 'It may write beside any file.')]),
  program('dnf yum microdnf tdnf dnf5', [
    load(option('--setopt= -c= --config= --installroot= --repofrompath= --enableplugin= --plugin --releasever= --nogpgcheck --no-gpgchecks', 'any'), 'Settings name plug-ins, repositories and folders.'),
    load(operand('slash'), fromAnywhere, { sub: 'install | reinstall | localinstall | upgrade | update | downgrade | swap | builddep | in' }),
    load(operand('text'), 'A name that ends in .rpm, or an address, is taken as a package.', { sub: 'install | reinstall | localinstall | upgrade | update | downgrade | swap | builddep | in' }),
    command(always, 'It takes commands from its user or a file.', { sub: 'shell | sh' }),
    privilege(always, 'It changes where packages come from.', { sub: 'config-manager | copr' }),
    write(always, 'It writes packages to any folder.', { sub: 'download | reposync' }),
  ], { syntax: subcommands(), safe: [form('install -y NAME', 'It installs one package of the configured repositories.'), form('makecache', 'It only refreshes the lists.'), form('check-update', 'It only lists.')] }),
  program('zypper', [
    load(option('-R= --root= --installroot= -c= --config= --plus-repo= -p= --plus-content= --no-gpg-checks --pkg-cache-dir= --cache-dir= --reposd-dir= -D=', 'any'), 'Settings name repositories and folders.'),
    load(operand('text'), fromAnywhere, { sub: 'install | in | remove | rm | source-install | si | update | up | dist-upgrade | dup | patch' }),
    command(always, 'It takes commands from its user.', { sub: 'shell | sh' }),
    privilege(always, 'It changes where packages come from.', { sub: 'addrepo | ar | modifyrepo | mr | addservice | as' }),
  ], { syntax: subcommands(), safe: [form('refresh', 'It only refreshes the lists.')] }),
  program('pacman yay paru pacman-key makepkg', [
    command(option('--config= --hookdir= --root= -r= --dbpath= -b= --gpgdir= --cachedir= --overwrite= -U --upgrade', 'any'), 'Settings and hooks name programs.'),
    load(option('-S --sync', 'any'), 'Packages run scripts as root; an address may be a package.'),
    command(fewer(1), 'Helpers build packages, which runs their build.'),
  ], { safe: [] }),
  program('apk', [load(operand('slash'), fromAnywhere, { sub: 'add' }), load(option('-X= --repository= --allow-untrusted -p= --root= --keys-dir= --repositories-file= --cache-dir=', 'any'), 'Settings name repositories and keys.')], { syntax: subcommands('-t= --virtual='), safe: [form('add -- NAME', 'It installs one package of the configured repositories.'), form('update', 'It only refreshes the lists.')] }),
  program('snap', [
    load(option('--devmode --classic --dangerous --jailmode', 'any'), 'A snap without confinement has all of root.'),
    load(operand('text'), 'A snap runs services and hooks as root.', { sub: 'install | refresh | try' }),
    command(always, 'It runs a program of a snap, or a shell in its place.', { sub: 'run | try' }),
    privilege(always, 'It gives a snap access to the system.', { sub: 'connect | set | alias | prefer' }),
    read(always, 'It takes in any file.', { sub: 'ack' }),
  ], { syntax: subcommands('--channel= --revision='), safe: [form('install -- NAME', 'It installs one snap of the store.'), form('refresh', 'It only brings what is there up to date.'), form('list', 'It only lists.')] }),
  program('snapctl snapcraft', [command(always, 'It runs builds and hooks.')]),
  program('flatpak flatpak-builder', [
    command(always, 'It runs a program of an application, or any other in its place.', { sub: 'run | enter | build | repair' }),
    load(operand('text'), 'An application is exported to the system.', { sub: 'install | update | build-bundle' }),
    privilege(always, 'It changes remotes and permissions.', { sub: 'remote-add | remote-modify | override | permission-set | config' }),
    load(option('--installation= --arch= --sideload-repo= --bundle --from', 'any'), 'Sources of the requester are taken in.'),
  ], { syntax: subcommands(), safe: [form('list', 'It only lists.'), form('install -y flathub NAME', 'It installs one application.')] }),
  languageInstaller('pip pip2 pip3 pipx easy_install', 'A package runs its setup while it is installed.', [load(here('pip.conf, setup.py, requirements')  , 'The working directory may hold what is installed.'), load(environment('PIP_CONFIG_FILE PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_REQUIRE_VIRTUALENV'), 'These variables name sources.')]),
  languageInstaller('uv uvx poetry pdm hatch tox nox flit pipenv virtualenv twine', 'It builds and runs what it is given.'),
  languageInstaller('conda mamba micromamba', 'Packages run link scripts, and conda run runs anything.'),
  languageInstaller('npm npx pnpm yarn corepack yarnpkg', 'Packages and package.json name scripts that run.', [load(here('package.json, .npmrc'), 'The working directory names scripts and settings.')]),
  languageInstaller('gem bundle bundler', 'Extensions are built, and Gemfiles are code.', [load(here('Gemfile'), 'The Gemfile of the working directory is code.')]),
  languageInstaller('cargo rustup cross', 'Build scripts run, and cargo run runs anything.', [load(here('Cargo.toml, .cargo/config.toml'), 'The working directory names programs.')]),
  languageInstaller('go gofmt gotip', 'go run and go generate run anything; -exec and -toolexec name programs.'),
  languageInstaller('composer pear pecl', 'Scripts and plug-ins of packages run.'),
  languageInstaller('cpan cpanm cpanp cpanplus', 'Modules run their Makefile.PL, and the shell takes any command.'),
  languageInstaller('luarocks opam raco nimble shards dub mage', 'Packages run their build.'),
  languageInstaller('brew port pkgin pkg_add', 'Formulas are code.'),
  languageInstaller('nix nix-shell nix-build nix-env nix-store guix home-manager nixos-rebuild', 'Expressions build and run anything.'),
  languageInstaller('emerge ebuild equery quickpkg', 'Ebuilds are scripts.'),
  languageInstaller('xbps-install xbps-src eopkg urpmi opkg slackpkg installpkg upgradepkg swupd tlmgr pkgtool', 'Packages run scripts as root.'),
  program('pkg pkg_info', [load(always, 'Packages run scripts as root.', { except: 'info search audit' }), load(option('-o= -C= -R= -r= -c= -j=', 'any'), 'Settings name programs and roots.')], { syntax: subcommands(), safe: [form('info', 'It only lists.')] }),
  program('update-alternatives alternatives', [privilege(always, 'It decides which program a name stands for.', { sub: '--install' }), privilege(option('--install --set --slave --config --auto --all --remove --remove-all --set-selections --altdir= --admindir= --log=', 'any'), 'It decides which program a name stands for, or writes links anywhere.')], { syntax: exact('', { cluster: false }), safe: [form('--display NAME', 'It only tells.')] }),
  program('fwupdmgr fwupdtool fwupdate', [privilege(always, 'It writes firmware.', { except: 'get-devices get-updates get-history get-results' }), load(option('--plugins= -P=', 'any'), 'The option chooses plug-ins.')], { syntax: subcommands(), safe: [form('get-updates', 'It only asks what is there.')] }),
  program('ansible ansible-test ansible-playbook ansible-pull ansible-galaxy ansible-console ansible-vault ansible-inventory', [command(always, 'Plays and modules run anything.'), load(here('ansible.cfg'), 'The settings of the working directory name programs.')]),
  program('puppet chef-client chef-solo chef-apply salt-call salt salt-ssh cf-agent cf-promises facter ohai cfengine bolt', [command(always, 'Manifests, recipes and facts run anything.')]),
  program('terraform tofu terragrunt packer pulumi vagrant cdk cloud-init', [command(always, 'Providers and provisioners run anything.'), load(here('its settings'), 'The working directory says what it does.')]),
];

function owner(): Escape {
  return { gives: 'ownership', way: option('--add', 'any'), note: 'It sets the owner and mode of any file.' };
}
