import { always, command, environment, exact, fewer, form, gnu, home, key, load, operand, option, privilege, program, type ProgramEntry, read, shell, words, write } from '../entry.ts';

const mysqlValues = '-h= -u= -P= -D= --host= --user= --port= --database= --socket= -S= --default-character-set= --protocol=';
const pgValues = '-h= -p= -U= -d= --host= --port= --username= --dbname=';

export const databases: readonly ProgramEntry[] = [
  program('mysql mariadb', [
    shell(key('\\! and system'), 'A command from within starts a shell.'),
    shell(option('-e= --execute=', 'text'), 'Its own commands and SQL are given here.'),
    command(option('--pager=?', 'text'), 'The option names a program.'),
    write(option('--tee=', 'file'), 'It appends what it shows to any file.'),
    read(option('--defaults-file= --defaults-extra-file= --init-command=', 'any'), 'Lines of any file are shown in errors.'),
    load(option('--plugin-dir= --default-auth= --ssl-engine=', 'any'), 'The option loads a library.'),
    read(key('source, LOAD DATA LOCAL'), 'Files are read from within.'),
    write(key('tee, INTO OUTFILE'), 'Files are written from within.'),
  ], { syntax: gnu(mysqlValues) }),
  program('mysqldump mariadb-dump mysqlpump mydumper', [write(option('-r= --result-file= -T= --tab= --log-error= --outputdir= -o=', 'file'), 'It writes to any file.'), read(option('--defaults-file= --defaults-extra-file= --ssl-key= --ssl-cert=', 'file'), 'Lines of any file are shown in errors.'), load(option('--plugin-dir= --default-auth=', 'any'), 'The option loads a library.')], { syntax: gnu(`${mysqlValues} -w= --where= --tables --ignore-table=`), safe: [form('--single-transaction NAME', 'It prints one database.')] }),
  program('mysqladmin mariadb-admin mysqlcheck mysqlimport mysqlslap mysql_upgrade mysqlbinlog', [privilege(operand('text'), 'It changes accounts, or what is loaded or read.'), read(option('--defaults-file= --defaults-extra-file=', 'file'), 'Lines of any file are shown in errors.'), load(option('--plugin-dir= --default-auth=', 'any'), 'The option loads a library.'), write(option('-r= --result-file= --pre-system= --post-system=', 'any'), 'It writes to any file, or runs a command.')], { syntax: gnu(mysqlValues), safe: [form('ping', 'It only tells whether the server answers.'), form('status', 'It only tells the state.')] }),
  program('mysqld mariadbd mysqld_safe mariadbd-safe postgres postmaster redis-server mongod memcached slapd couchdb influxd clickhouse-server pg_ctl initdb pg_ctlcluster', [load(always, 'Settings and options name libraries, programs and files.')]),
  program('psql pgcli', [
    shell(key('\\!'), 'A command from within starts a shell.'),
    read(key('\\i, \\lo_import, \\copy'), 'Files are read from within.'),
    write(key('\\o, \\w, \\copy'), 'Files are written from within.'),
    shell(option('-c= --command= -f= --file= -v= --set= -L= --log-file= -o= --output=', 'any'), 'Its own commands may be among what it is given.'),
    command(environment('PAGER PSQL_PAGER PSQL_EDITOR EDITOR PSQLRC PGPASSFILE PGSERVICEFILE'), 'These variables name programs and settings.'),
    load(home('~/.psqlrc'), 'The settings are commands.'),
  ], { syntax: gnu(pgValues) }),
  program('pg_dump pg_dumpall pg_restore pg_basebackup pgbench pg_receivewal vacuumlo', [write(option('-f= --file= -D= --pgdata= -l= --log-prefix=', 'file'), 'It writes to any file.'), read(option('-L= --use-list= --filter=', 'file'), 'Lines of any file are shown in errors.'), read(operand('slash'), 'It reads any file.'), command(option('-d= --dbname=', 'text'), 'A connection text names files and other settings.'), command(option('--meta=', 'any'), 'Commands of its own.')], { syntax: gnu('-h= -p= -U= --host= --port= --username= -t= -n= -N= -T= -j= -F= -Z= --table= --schema= --format='), safe: [form('-h localhost -- NAME', 'It prints one database.')] }),
  program('createdb dropdb createuser dropuser reindexdb clusterdb vacuumdb', [privilege(operand('text'), 'It makes or removes databases and accounts.'), command(option('-d= --dbname= --maintenance-db='), 'A connection text names files and other settings.')], { syntax: gnu('-h= -p= -U= -O= -E= -T= --host= --port= --username='), safe: [form('-- NAME', 'It does its work for one name.')] }),
  program('sqlite3 sqlite sqlcipher sqldiff', [
    shell(fewer(2), 'The command .shell starts a shell.'),
    read(fewer(2), 'The command .read and readfile() read any file.'),
    write(fewer(2), 'The command .output and writefile() write any file.'),
    shell(operand('text', 1), 'Its own commands may be among what it is given.'),
    write(operand('file', 0, 0), 'It makes or changes any file as a database.'),
    load(option('-cmd= -init= --cmd= --init= -A -zip -vfs= -append -interactive', 'any'), 'The option runs commands or loads code.'),
    load(home('~/.sqliterc'), 'The settings are commands.'),
  ], { syntax: words('-separator= -newline= -nullvalue= -mmap= -lookaside='), safe: [form('-readonly /srv/NAME.db .tables', 'It gives one command to one database.')] }),
  program('duckdb litecli mycli iredis usql isql iusql osql sqlcmd sqlplus tsql bsqldb db2 sqsh dbaccess', [shell(key('!, .shell, HOST'), 'A command from within starts a shell.'), read(key('@, .read, source'), 'Files are read from within.'), write(key('spool, tee, .output'), 'Files are written from within.')]),
  program('redis-cli valkey-cli keydb-cli', [
    write(always, 'CONFIG SET and SAVE write a file where the server may.', { except: 'ping info dbsize' }),
    write(fewer(1), 'CONFIG SET and SAVE write a file where the server may.'),
    load(option('--eval= --rdb= --functions-rdb= --pipe -x -X=', 'any'), 'It takes scripts and files, or writes the dump to any file.'),
  ], { syntax: words('-h= -p= -s= -a= -n= -u= -r= -i= --user= --pass='), safe: [form('ping', 'It only tells whether the server answers.'), form('-h localhost info', 'It only tells the state.')] }),
  program('mongo mongosh mongoimport mongoexport mongodump mongorestore', [load(always, 'Its scripts read and write files and run programs.')]),
  program('cqlsh influx clickhouse clickhouse-client clickhouse-local cypher-shell rethinkdb arangosh couchbase-cli cockroach tarantool', [read(always, 'Files are read from within.'), command(key('\\!, SHELL, HELP in a pager'), 'Commands from within run programs.')]),
  program('ldapadd ldapmodify ldapdelete ldapsearch ldappasswd', [read(option('-f= -y= -T= -t= -F= -o=', 'file'), 'Lines of any file are shown in errors.'), write(option('-S= -T= -t -tt', 'any'), 'It writes to files.'), privilege(option('-Y=', 'text'), 'As root over the local socket it may change accounts.')], { syntax: exact('-H= -D= -w= -b= -s= -l= -z= -h= -p='), safe: [form('-x -b BASE -- FILTER', 'It only asks.')] }),
  program('slapcat slapadd slappasswd slaptest slapindex slapacl slapauth', [load(option('-f= -F=', 'any'), 'Settings name libraries.'), write(option('-l= -o=', 'file'), 'It writes to any file.'), privilege(fewer(1), 'It changes or shows accounts of the directory.')], { syntax: exact('-b= -a= -s= -n=') }),
  program('tdbtool ldbedit ldbmodify ldbadd ldbsearch tdbdump tdbbackup', [write(always, 'It changes databases of the system.'), shell(key('! and the editor'), 'A command from within starts a shell.')]),
  program('db_dump db_load db5.3_dump db5.3_load gdbmtool', [write(always, 'It writes any database file.'), read(always, 'It shows any database file.')]),
];
