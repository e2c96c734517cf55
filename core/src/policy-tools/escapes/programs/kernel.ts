import { always, command, early, environment, exact, fewer, form, gnu, key, load, operand, option, privilege, program, type ProgramEntry, read, shell, subcommands, write, wraps } from '../entry.ts';

const onlyLists = 'It only lists.';

export const kernel: readonly ProgramEntry[] = [
  program('mount', [
    privilege(operand('text'), 'It puts any disk or folder in place of any other, setuid programs of the requester included.'),
    privilege(operand('slash'), 'The disk or folder is one of the requester.'),
    privilege(option('-o= --options= -O= --source= --target='), 'Options such as remount, bind and suid change what is held back.'),
    load(option('-T= --fstab= -N= --namespace=', 'file'), 'The file says what is mounted.'),
    privilege(option('--target-prefix=', 'file'), 'It mounts anywhere.'),
  ], { syntax: gnu('-t= --types= -L= -U= --label= --uuid='), safe: [form('/mnt/NAME', 'It mounts what the settings of root say for one folder.'), form('-o ro,nosuid,nodev /dev/NAME /mnt/NAME', 'It mounts one disk in one place.')] }),
  program('umount', [privilege(operand('text'), 'It lifts any mount, those that hide or hold back something too.'), privilege(option('-a -A -R -N= --all --all-targets --recursive --namespace='), 'It lifts any mount.')], { syntax: gnu('-t= -O= --types= --test-opts='), safe: [form('/mnt/NAME', 'It lifts one mount.')] }),
  program('mount.cifs mount.nfs mount.nfs4 mount.ntfs mount.ntfs-3g ntfs-3g mount.fuse mount.ecryptfs mount.davfs mount.vboxsf mount.zfs bindfs encfs gocryptfs cryfs s3fs curlftpfs archivemount squashfuse fusermount fusermount3 fuse-overlayfs overlayroot', [
    privilege(always, 'It puts a file system of the requester in place of any folder.'),
    command(option('-o=', 'any'), 'Options name programs.'),
  ]),
  program('udisksctl pmount pumount udisks', [privilege(always, 'It mounts a disk or file of the requester.', { except: 'status info' })], { syntax: subcommands(), safe: [form('status', onlyLists)] }),
  program('swapon swapoff', [privilege(operand('file'), 'It uses any file or disk as memory.'), privilege(option('-T= --fstab=', 'file'), 'A file says what is used as memory.')], { syntax: exact('-p= -o= -L= -U= --priority='), safe: [form('--show', onlyLists)] }),
  program('insmod', [load(operand('file', 0, 0), 'It loads any code into the kernel.'), load(operand('text', 1), 'Parameters change what a module does.')], { safe: [form('/lib/modules/NAME.ko', 'It loads one module.')] }),
  program('modprobe', [
    load(operand('text', 0, 0), 'It loads any module; settings may name commands for it.'),
    load(operand('text', 1), 'Parameters change what a module does.'),
    load(option('-C= -d= -S= -a --config= --dirname= --set-version= --all', 'any'), 'Modules or settings of the requester are loaded.'),
    privilege(option('-r -f --remove --force --force-vermagic --force-modversion', 'any'), 'It takes away modules that guard the system, or forces others in.'),
    load(environment('MODPROBE_OPTIONS'), 'The variable adds options.'),
  ], { safe: [form('-- NAME', 'It loads one module.')] }),
  program('rmmod', [privilege(operand('text'), 'It takes away modules that guard the system.')], { safe: [form('-- NAME', 'It takes away one module.')] }),
  program('depmod', [load(option('-b= -C= -o= -E= -F= --basedir= --config= --outdir=', 'file'), 'It says where modules are, for another folder too.'), load(operand('slash'), 'It reads modules anywhere.')], { safe: [form('-a', 'It only reads modules of root.')] }),
  program('kmod', [load(always, 'It loads any code into the kernel.', { except: 'list static-nodes' })], { syntax: subcommands(), safe: [form('list', onlyLists)] }),
  program('kexec kdump kdumpctl kdump-config livepatch kpatch canonical-livepatch', [load(always, 'It starts or patches a kernel with code of the requester.')]),
  program('sysctl', [
    privilege(operand('text'), 'A setting such as kernel.core_pattern names a program that runs as root.'),
    privilege(option('-p=~ -f=~ --load=~', 'file'), 'The file says what is set, and is shown in errors.'),
    privilege(operand('file'), 'The file says what is set, and is shown in errors.', { needs: '-p=~ -f=~ --load=~' }),
  ], { syntax: exact('-r= --pattern='), safe: [form('-p', 'It does what settings of root say.'), form('-w net.ipv4.ip_forward=1', 'It sets one value.'), form('-n kernel.hostname', 'It only shows one value.')] }),
  program('ldconfig', [load(option('-f= -C= -r= -n -N -X -l', 'any'), 'It says from where every program loads its libraries.'), load(operand('file'), 'It says from where every program loads its libraries.')], { syntax: exact('-c='), safe: [form('-p', onlyLists), form('', 'It does what settings of root say.')] }),
  program('update-grub update-grub2', [privilege(operand('any'), 'It changes what the machine starts.'), write(option('-o= --output=', 'file'), 'It writes to any file.')], { safe: [form('', 'It does what settings of root say.')] }),
  program('grub-mkconfig grub2-mkconfig grub-install grub2-install grub-reboot grub-set-default grub-editenv grubby lilo extlinux efibootmgr efivar mokutil sbsign kernel-install kernelstub', [
    privilege(always, 'It changes what the machine starts, or runs scripts that say so.', { unless: '-V --version' }), write(option('-o= --output=', 'any'), 'It writes to any file.'),
  ], { syntax: exact() }),
  program('update-initramfs', [load(always, 'It builds what starts the machine, by scripts and settings.', { unless: '-u' }), load(option('-b=', 'any'), 'It writes to any folder.')], { syntax: exact('-k='), safe: [form('-u', 'It does what settings of root say.')] }),
  program('mkinitramfs dracut mkinitcpio mkinitrd booster lsinitramfs unmkinitramfs lsinitrd', [load(always, 'It builds or unpacks what starts the machine, by scripts and settings.'), load(option('-d= -b= -c= -o= -k= -r= -A= -g= -S= --conf= --include= --hook=', 'any'), 'The option names settings, scripts or any file.'), load(operand('file'), 'It writes or reads any file.')], { syntax: exact() }),
  program('dmesg', [shell(option('-H --human', 'any'), 'Its output opens in a pager, where a key starts a shell.', { unless: '-P --nopager' }), read(option('-F= -K= --file= --kmsg-file=', 'file'), 'It prints any file.'), privilege(option('-C -c -D --clear --read-clear --console-off', 'any'), 'It clears what was recorded.')], { syntax: gnu('-f= -l= -n= -s= --facility= --level= --since= --until= --time-format='), safe: [form('-T', 'It only shows what the kernel has said.')] }),
  program('hwclock', [privilege(always, 'It sets the clock, on which logs and locks rest.', { unless: '-r --show --get' }), read(option('-f= --rtc= --adjfile=', 'file'), 'It reads any file.')], { syntax: exact(), safe: [form('-r', 'It only shows the clock.')] }),
  program('ntpdate', [privilege(operand('text'), 'It takes the time from anyone.'), read(option('-k=', 'file'), 'Lines of any file are shown in errors.')], { syntax: exact('-a= -e= -o= -p= -t= -U='), safe: [form('HOST', 'It takes the time from one host.')] }),
  program('chronyc chronyd ntpd ntpq sntp adjtimex rtcwake', [privilege(always, 'It sets the clock, on which logs and locks rest, or reads settings anywhere.'), read(option('-f= -k= -c=', 'any'), 'It reads any file.')], { syntax: exact() }),
  program('setpci devmem devmem2 wrmsr rdmsr i2cset i2ctransfer flashrom nvramtool memtool pcimem iotools chipsec_util', [privilege(always, 'It writes to the memory and the devices of the machine.')]),
  program('ipmitool racadm bmc-config ipmi-config ipmiutil', [
    shell(fewer(1), 'It takes commands from its user.'), command(always, 'Subcommands such as exec, shell and sol take commands.', { except: 'sensor sdr fru' }), read(option('-f= -S= -k= -O= -d=', 'any'), 'It reads any file.'),
  ], { syntax: exact('-I= -H= -U= -P= -L= -p= -t='), safe: [form('sensor', onlyLists)] }),
  program('cpupower turbostat powertop x86_energy_perf_policy tuned-adm tuned tlp', [command(wraps(), 'Some run the program they are given.'), privilege(always, 'It changes how the machine runs, by scripts and profiles.', { unless: '--version' }), write(option('-o= --out= --html=? --csv=?', 'any'), 'It writes to any file.'), command(option('--workload= -w=', 'any'), 'The option names a program.')], { syntax: early() }),
  program('alsactl amixer pactl pulseaudio pipewire wireplumber jackd', [load(option('-f= -E= --file= --env= --load= -n --script= -L= -F=', 'any'), 'The option names settings or libraries.'), write(operand('any', 0, 0), 'It stores its state in any file, or loads modules.'), load(fewer(1), 'Settings and modules of its user are loaded.')], { syntax: exact('-c= -D=') }),
  program('loadkeys setfont kbd_mode setupcon dumpkeys localedef locale-gen zic', [read(operand('file'), 'Lines of any file are shown in errors.'), write(always, 'What it installs others take up.', { unless: '-h --help' })], { syntax: exact() }),
  program('dmidecode lshw hwinfo inxi biosdecode vpddecode', [write(option('--dump-bin= -dump= --log= -o=', 'any'), 'It writes to any file.'), read(option('--from-dump= -d= --dev-mem= --import=', 'any'), 'It reads any file.'), command(option('--recommends --debug -U --update', 'any'), 'Some fetch new versions of themselves.')], { syntax: exact('-t= -s= -C= -c= --type= --string= --class=', { abbreviate: true }), safe: [form('-t system', 'It only describes the machine.')] }),
  program('lspci lsusb lsscsi', [read(option('-i= -F= -O= -D= -A=', 'any'), 'Lines of any file are shown in errors.')], { syntax: exact('-s= -d= -H='), safe: [form('-v', onlyLists)] }),
  program('lsof fuser', [privilege(option('-k --kill', 'any'), 'It ends whatever uses a file.'), read(option('-k= -m= -D= -e= -A=', 'any'), 'It reads any file as memory or settings, or writes there.')], { syntax: exact('-p= -u= -g= -c= -d= -n= -s= -r= -F='), safe: [form('-n -P -i', onlyLists)] }),
  program('minicom cu tip picocom kermit ckermit seyon gtkterm', [shell(key('! and ^A'), 'A key starts a shell or a program.'), write(key('capture'), 'It writes what it sees to any file.'), read(key('send'), 'It sends any file.')]),
  program('hostname domainname dnsdomainname nisdomainname ypdomainname', [read(option('-F= --file=', 'file'), 'Lines of any file are shown.'), privilege(operand('text'), 'It sets the name of the machine.')], { syntax: exact(), safe: [form('-f', 'It only tells the name.')] }),
  program('ethtool mii-tool iw iwconfig iwpriv rfkill wpa_passphrase', [load(option('-f= --flash= -E= -N= -X= --change-eeprom', 'any'), 'It writes firmware or rules into the device.'), write(option('-w= -d= --register-dump', 'any'), 'It reads or writes what the device holds.'), read(operand('text', 1), 'Some read files or write a dump.')], { syntax: exact(), safe: [form('-i NAME', 'It only describes one device.')] }),
  program('ifconfig route brctl vconfig ifenslave tunctl ip6tunnel', [privilege(operand('text', 0), 'It changes where traffic goes.')], { safe: [form('-a', onlyLists), form('NAME', 'It shows one interface.')] }),
];
