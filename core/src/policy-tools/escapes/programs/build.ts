import { always, command, early, environment, exact, fewer, form, here, load, operand, option, privilege, program, type ProgramEntry, read, words, write, wraps } from '../entry.ts';

/** Runs the recipes of a file in the working directory, unless one that only root can write is named. */
function runner(names: string, file: string): ProgramEntry {
  return program(names, [command(always, `${file} names commands to run.`), load(here(file), `${file} of the working directory says what it does.`)]);
}

export const build: readonly ProgramEntry[] = [
  program('make gmake', [
    load(here('Makefile'), "The recipes of the working directory are the requester's.", { unless: '-C=<path> --directory=<path> -f=<path> --file=<path> --makefile=<path>' }),
    command(option('-f= --file= --makefile= -C= --directory= -I= --include-dir=', 'file'), 'Recipes run commands.'),
    command(option('--eval= -E='), 'The option takes recipes.'),
    command(operand('text'), 'A variable such as SHELL or CC names a program.'),
    write(option('--debug=? -O=? --output-sync=? -W= -o= -t --touch', 'any'), 'It touches files.'),
    command(environment('MAKEFLAGS MAKEFILES GNUMAKEFLAGS SHELL'), 'These variables add options and recipes.'),
  ], { syntax: exact('-l=?'), safe: [form('-C /srv/NAME install', 'It runs one recipe of one folder, which only root can write.', { children: 'check' })] }),
  runner('bmake pmake nmake mk tup redo', 'The recipe file'),
  runner('cmake ccmake cpack ctest', 'CMakeLists.txt'),
  runner('ninja samu', 'build.ninja'),
  runner('ant mvn mvnw gradle gradlew sbt lein bazel buck pants', 'The build file'),
  runner('rake thor cap fab invoke doit waf scons meson qmake gyp b2 bjam', 'The build file'),
  runner('gulp grunt webpack vite tsc eslint jest turbo nx lerna parcel rollup esbuild ts-node tsx', 'The settings file'),
  runner('just task mask earthly dagger act', 'The recipe file'),
  runner('pytest nosetests phpunit rspec cucumber bats prove tap', 'The test files'),
  program('gcc g++ cc c++ clang clang++ gfortran gccgo gdc gnat cpp tcc icc', [
    load(option('-wrapper= -fplugin= -specs= --specs= -B= -load= -Xclang= -fuse-ld= -T= --sysroot= -fplugin-arg', 'any'), 'The option names a program or library.'),
    write(option('-o= -MF= -MD -dumpdir= -save-temps=? --output= -aux-info=', 'file'), 'It writes to any file.'),
    write(operand('any'), 'It writes into the working directory.', { unless: '-o=<path> -E -fsyntax-only' }),
    read(option('-x= -include= -imacros=', 'any'), 'Errors show lines of any file.'),
    read(operand('file'), 'Errors show lines of any file, and @FILE is read as options.'),
    load(environment('GCC_EXEC_PREFIX COMPILER_PATH LIBRARY_PATH'), 'These variables name programs.'),
  ], { syntax: words('-I= -L= -l= -D= -U= -std='), safe: [form('--version', 'It only tells its version.')] }),
  program('ld ld.bfd ld.gold lld ld.lld mold gold', [load(option('-plugin= --plugin= -T= --script= -rpath= -c= -dynamic-linker=', 'any'), 'The option names a library or script.'), write(always, 'It writes to any file.'), read(operand('file'), 'Errors show lines of any file.')]),
  program('as gas nasm yasm fasm', [write(always, 'It writes to any file.'), read(operand('file'), 'Errors show lines of any file.')]),
  program('objcopy strip patchelf chrpath elfedit', [write(operand('file'), 'It changes any program.'), write(option('-o= --dump-section= --split-dwo= --add-gnu-debuglink= --output=', 'file'), 'It writes to any file.'), load(option('--plugin=', 'any'), 'The option loads a library.')], { syntax: exact('-F= -I= -O= -j= -R= -K= -N='), safe: [form('-- /srv/NAME', 'It works on one file.')] }),
  program('objdump readelf nm size addr2line', [read(operand('file'), 'It shows any file.'), load(option('--plugin= --dwarf-start=', 'any'), 'The option loads a library.'), read(option('-e= --exe=', 'file'), 'It shows any file.')], { syntax: exact('-b= -m= -j= -M='), safe: [form('-t -- /srv/NAME', 'It shows one file.')] }),
  program('rustc swiftc zig nim crystal v vala valac fpc ldc2 dmd gnatmake konanc', [load(always, 'Options name linkers and libraries, and some run code.'), write(always, 'It writes to any file.')]),
  program('ccache sccache distcc icecc', [command(wraps(), 'It runs the program it is given.'), command(fewer(1), 'Settings name programs.')], { syntax: early() }),
  program('libtool libtoolize autoconf automake aclocal autoreconf autom4te autoheader gettextize intltoolize', [command(always, 'It runs commands of files in the working directory.')]),
  program('pkg-config pkgconf', [read(operand('slash'), 'It reads any file and shows it in errors.'), write(option('--log-file=', 'any'), 'It writes to any file.'), load(option('--with-path= --personality=', 'any'), 'It reads settings anywhere.'), load(environment('PKG_CONFIG_PATH PKG_CONFIG_LOG'), 'These variables name files.')], { safe: [form('--libs -- NAME', 'It only tells.')] }),
  program('bison yacc byacc flex lex lemon re2c gperf swig protoc antlr', [write(always, 'It writes to any file.'), command(option('--plugin= -S= --skeleton= -M=', 'any'), 'The option names a program or skeleton.'), read(operand('file'), 'Errors show lines of any file.')]),
  program('ctags etags cscope global gtags cflow indent astyle clang-format uncrustify', [command(option('--filter= --options= --libexec-dir= --style= --sort-command=', 'any'), 'Settings name programs.'), write(always, 'It writes to any file.')]),
  program('doxygen javadoc help2man pod2man texi2dvi makeinfo', [command(always, 'Settings name programs, or it runs what it describes.'), write(always, 'It writes to any file.')]),
  program('dkms akmods kmodtool module-assistant', [privilege(always, 'It builds and loads modules of the kernel from recipes.', { except: 'status' }), load(option('--dkmstree= --sourcetree= --directive= --config= --kernelsourcedir=', 'any'), 'The option says where recipes are.')], { syntax: exact('-m= -v= -k=', { subs: 'mixed' }), safe: [form('status', 'It only tells the state.')] }),
];
