import { always, command, environment, type Escape, exact, fewer, form, gnu, load, operand, option, program, type ProgramEntry, read, subcommands, write } from '../entry.ts';

const tarValues = '-b= -K= -N= -H= -L= -V= -T= -X= -g= --files-from= --exclude-from= --exclude= --format= --owner= --group= --mode= --mtime= --newer= --after-date= --starting-file= --listed-incremental= --label= --strip-components= --transform= --xform= --blocking-factor= --record-size= --tape-length= --suffix= --level= --sort=';

/** Packs or unpacks one file in place: what it is given, it reads and replaces. */
function compressor(names: string, more: readonly Escape[] = []): ProgramEntry {
  return program(names, [
    read(operand('file'), 'With -c it prints any file, packed or not.'),
    write(operand('file'), 'It replaces files by packed or unpacked ones.'),
    ...more,
  ], { syntax: gnu('-S= --suffix= -T= --threads='), safe: [form('-k /var/log/NAME.log', 'It packs one file and keeps it.')] });
}

export const archivers: readonly ProgramEntry[] = [
  program('tar gtar', [
    command(option('-I= -F= --to-command= --checkpoint-action= --use-compress-program= --info-script= --new-volume-script= --rsh-command= --rmt-command='), 'These options name programs to run.'),
    write(option('-f= --file=', 'file'), 'It writes the archive, or unpacks one of the requester; a name with a colon is reached through rsh.'),
    write(option('-x --extract --get', 'any'), 'Unpacking an archive of the requester writes any file, setuid ones too.', { unless: '-f=<path> --file=<path>' }),
    write(option('-C= --directory=', 'file'), 'It unpacks into any folder.'),
    write(option('--index-file= --volno-file=', 'file'), 'It writes a list or a number to any file.'),
    read(option('-T= --files-from= -X= --exclude-from=', 'file'), 'A list of names is read, and shown in errors.'),
    read(operand('file'), 'It packs any file.', { unless: '-C=<path> --directory=<path>' }),
    load(environment('TAR_OPTIONS TAPE TAR_RSH'), 'Options come from the environment.'),
  ], {
    syntax: gnu(tarValues, { bundled: true }),
    safe: [
      form('-czf /var/backups/NAME.tar.gz -C /srv/NAME .', 'It packs one folder into one archive.'),
      form('-tf /var/backups/NAME.tar.gz', 'It lists one archive.'),
      form('-xzf /var/backups/NAME.tar.gz -C /srv/NAME', 'It unpacks one archive, which only root can write, into one folder.'),
    ],
  }),
  program('bsdtar star', [command(option('--use-compress-program= --to-command= --rsh=', 'any'), 'These options name programs to run.'), write(always, 'It writes archives, and unpacks them anywhere.'), read(always, 'It packs any file, and @FILE takes in any archive.')]),
  program('cpio', [write(always, 'It takes names and archives from its input and writes any file.'), read(always, 'It packs any file that its input names.'), command(option('--rsh-command='), 'The option names a program.')]),
  program('pax', [write(always, 'It takes names and archives from its input and writes any file.'), read(always, 'It packs any file.')]),
  program('zip', [command(option('-TT= --unzip-command='), 'With -T the option names a program.'), write(operand('file', 0, 0), 'It writes the archive to any file.'), read(operand('file', 1), 'It packs any file.'), read(option('-@ --names-stdin', 'any'), 'Names come from its input.')], {
    syntax: exact('-b= -n= -t= -tt= -P= --temp-path= --suffixes= --password='), safe: [form('-q /var/backups/NAME.zip /srv/NAME', 'It packs what is named into one archive.')],
  }),
  program('unzip', [write(always, 'It unpacks into the working directory or any other.', { unless: '-l -t -v -Z' }), write(option('-d=', 'file'), 'It unpacks into any folder.'), read(operand('file', 0, 0), 'It shows what any archive holds.')], {
    syntax: exact('-x= -P='), safe: [form('-l /var/backups/NAME.zip', 'It lists one archive.')],
  }),
  program('7z 7za 7zr 7zz p7zip', [write(always, 'It writes archives, and unpacks them anywhere.', { except: 'l t' }), read(operand('file', 1), 'It reads any archive, and @FILE is shown in errors.'), read(option('-i= -x= -si', 'any'), 'The option takes in further files.')], {
    syntax: exact('', { cluster: false }), safe: [form('l -- /var/backups/NAME.7z', 'It lists one archive.')],
  }),
  program('rar', [write(always, 'It writes archives, and unpacks them anywhere.'), command(option('-ilog', 'any'), 'It writes its log to any file.')]),
  program('unrar unrar-free unar unace unshar lha arj arc zoo cabextract', [write(always, 'It unpacks into the working directory or any other.')]),
  program('ar gcc-ar llvm-ar', [write(always, 'It writes archives, and unpacks them where it runs.'), load(option('--plugin='), 'The option loads a library.'), read(operand('file'), 'It packs and prints any file.')]),
  compressor('gzip gunzip pigz unpigz', [load(environment('GZIP'), 'Options come from the environment.')]),
  compressor('bzip2 bunzip2 pbzip2 lbzip2 bzip3'),
  compressor('xz unxz lzma unlzma pixz', [read(option('--files=? --files0=?', 'file'), 'Names come from a file.'), load(environment('XZ_DEFAULTS XZ_OPT'), 'Options come from the environment.')]),
  compressor('lzip plzip lzop brotli compress uncompress ncompress zopfli rzip lrzip', [write(option('-o= --output=', 'file'), 'It writes to any file.')]),
  compressor('zstd unzstd pzstd', [write(option('-o= --output-dir-flat= --output-dir-mirror=', 'file'), 'It writes to any file.'), read(option('-D= --filelist= --patch-from=', 'file'), 'It reads any file.')]),
  program('lz4 unlz4 lz4c', [read(operand('file', 0, 0), 'It prints any file.'), write(operand('file', 1, 1), 'It writes to any file.'), write(option('-m --multiple -r', 'any'), 'It replaces files by packed ones.')], { syntax: exact('-D='), safe: [form('/var/log/NAME.log /var/backups/NAME.lz4', 'It packs one file into another.')] }),
  program('zcat bzcat xzcat lzcat zstdcat lz4cat gzcat', [read(operand('file'), 'It prints any file; gzip -f even one that is not packed.')], { safe: [form('/var/log/*.gz', 'It prints what is packed in one folder.')] }),
  program('zgrep zegrep zfgrep bzgrep xzgrep zstdgrep rgrep', [read(operand('file', 1), 'It prints lines of any file.'), read(option('-f= --file=', 'file'), 'It reads patterns from any file.')], { syntax: gnu('-e= -A= -B= -C= -m='), safe: [form('-e PATTERN -- PATTERN /var/log/NAME.gz', 'It searches one file.')] }),
  program('zdiff zcmp xzdiff bzdiff', [read(operand('file'), 'It prints where any files differ.')], { safe: [form('/var/backups/NAME.gz /srv/NAME', 'It compares two files.')] }),
  program('shar', [read(operand('file'), 'It packs any file.'), write(option('-o= --output-prefix=', 'file'), 'It writes to any file.'), read(option('-S --stdin-file-list', 'any'), 'Names come from its input.')]),
  program('mksquashfs', [write(operand('file', 1), 'It writes the image to any file.'), read(operand('file', 0), 'It packs any folder.'), write(option('-p= -pf=', 'any'), 'A definition runs commands and makes devices.')], { syntax: exact('', { cluster: false }), safe: [form('/srv/NAME /var/backups/NAME.squashfs', 'It packs one folder into one image.')] }),
  program('unsquashfs', [write(always, 'It unpacks any image anywhere.'), read(option('-cat', 'any'), 'It prints files of any image.')]),
  program('genisoimage mkisofs xorriso xorrisofs wodim cdrecord', [write(always, 'It writes an image or a disk.'), read(always, 'It packs any file.')]),
  program('dump restore xfsdump xfsrestore dar afio', [write(always, 'It writes archives, and unpacks them anywhere.'), command(option('-F= --rsh=', 'any'), 'The option names a program.')]),
  program('rdiff-backup duplicity duply rsnapshot', [command(option('--remote-schema= --rsh= --ssh-options= --rsync-options= -c=', 'any'), 'Options name programs to run.'), write(always, 'It restores anywhere.'), read(always, 'It saves any file.')]),
  program('borg borgmatic restic bup attic bareos-fd kopia', [command(option('--rsh= --remote-path= --password-command= -o= --option= --config= -c=', 'any'), 'Options name programs to run.'), write(always, 'It restores anywhere.'), read(always, 'It saves any file.')], { syntax: subcommands() }),
  program('par2 cksfv', [read(operand('file'), 'It reads any file.'), write(operand('file', 0), 'It writes beside any file.'), write(fewer(1), 'It works on the files of the working directory.')]),
];
