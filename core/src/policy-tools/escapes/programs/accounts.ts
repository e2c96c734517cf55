import { always, exact, fewer, form, operand, option, privilege, program, type ProgramEntry, read, write } from '../entry.ts';

const anyAccount = 'It may be any account, root too.';

export const accounts: readonly ProgramEntry[] = [
  program('passwd', [
    privilege(operand('text'), anyAccount),
    privilege(fewer(1), "Without a name it sets root's own password.", { unless: '-S --status' }),
    privilege(option('-d -u -a -R= -P= --delete --unlock --stdin --root= --prefix= --all', 'any'), 'It opens an account without a password, or works on another system.'),
  ], { syntax: exact('-i= -n= -w= -x= -r= --inactive= --mindays= --warndays= --maxdays= --repository='), safe: [form('-- NAME', 'It sets the password of one account.'), form('-l -- NAME', 'It closes one account.')] }),
  program('chpasswd chgpasswd newusers', [privilege(always, 'Its input sets the password of any account, root too.')]),
  program('useradd luseradd', [
    privilege(option('-o -u= -g= -G= -p= -d= -b= -s= -K= -Z= -R= -P= --non-unique --uid= --gid= --groups= --password= --home-dir= --base-dir= --shell= --key= --root= --prefix= --selinux-user='), 'The account may be another root, or in a group that comes to it.'),
    read(option('-k= --skel=', 'file'), 'It copies any folder to where the account can read it.'),
    privilege(option('-D --defaults', 'any'), 'It changes what later accounts get.'),
  ], { syntax: exact('-c= -e= -f= --comment= --expiredate= --inactive='), safe: [form('-m -- NAME', 'It makes one ordinary account.')] }),
  program('usermod lusermod', [
    privilege(operand('text'), anyAccount),
    privilege(option('-G= -g= -u= -p= -d= -s= -l= -U -o -R= -P= -Z= -v= -w= --groups= --gid= --uid= --password= --home= --shell= --login= --unlock --non-unique --root= --prefix= --add-subuids= --add-subgids='), 'It makes an account another root, or puts it into a group that comes to it.'),
  ], { syntax: exact('-c= -e= -f= --comment= --expiredate= --inactive='), safe: [form('-a -G www-data -- NAME', 'It puts one account into one group.')] }),
  program('userdel luserdel deluser', [privilege(operand('text'), anyAccount), privilege(option('-R= -P= -r -f --root= --prefix= --remove --force --remove-all-files --remove-home --backup-to= --conf='), 'It removes or packs files, or works on another system.')], { syntax: exact(), safe: [form('-- NAME', 'It removes one account.')] }),
  program('adduser', [
    privilege(operand('text', 1), 'It puts an account into any group.'),
    privilege(option('--conf= --uid= --gid= --ingroup= --group --home= --shell= --firstuid= --add_extra_groups --add-extra-groups -u= -G= -h= -s= -k='), 'The account may be another root, or in a group that comes to it.'),
    privilege(fewer(1), 'Without a name it asks for one.'),
  ], { syntax: exact('--gecos= --comment='), safe: [form('--disabled-password -- NAME', 'It makes one ordinary account.')] }),
  program('groupadd groupmod groupdel addgroup delgroup lgroupadd lgroupmod', [
    privilege(operand('text'), 'It may be any group, one that comes to root too.'),
    privilege(option('-g= -n= -o -p= -U= -R= -P= -a --gid= --new-name= --non-unique --password= --users= --append --root= --prefix= --conf='), 'It changes what a group stands for, or who is in it.'),
  ], { syntax: exact('-K= --key='), safe: [form('-- NAME', 'It makes, changes or removes one group.')] }),
  program('gpasswd groupmems', [privilege(operand('text'), 'It may be any group, one that comes to root too.'), privilege(option('-a= -A= -M= -g= -d= -r -R -Q= --add= --administrators= --members= --delete= --group= --root='), 'It says who is in a group.')], { syntax: exact(), safe: [form('-a NAME -- www-data', 'It puts one account into one group.')] }),
  program('chsh chfn lchsh lchfn', [privilege(operand('text'), anyAccount), privilege(option('-s= -R= --shell= --root=', 'text'), 'It sets what starts when the account logs in.'), privilege(fewer(1), 'It changes root itself.')], { syntax: exact('-f= -r= -w= -h= -o= -p='), safe: [form('-s /usr/sbin/nologin -- NAME', 'It closes the shell of one account.')] }),
  program('chage', [privilege(operand('text'), anyAccount, { unless: '-l --list' }), privilege(option('-R= -P= --root= --prefix=', 'any'), 'It works on another system.')], { syntax: exact('-d= -E= -I= -m= -M= -W='), safe: [form('-l -- NAME', 'It only tells when a password ends.')] }),
  program('pwck grpck pwconv pwunconv grpconv grpunconv newuidmap newgidmap', [privilege(always, 'It changes the files of accounts.', { unless: '-r --read-only' }), read(operand('file'), 'Lines of any file are shown in errors.'), privilege(option('-R= --root=', 'any'), 'It works on another system.')], { syntax: exact(), safe: [form('-r', 'It only checks.')] }),
  program('faillock faillog pam_tally2 lastlog', [privilege(option('--reset=? -r -m= --maximum= -l= -C -S', 'any'), 'It clears what keeps guessers out.'), read(option('--dir= -R= --root=', 'any'), 'It reads anywhere.'), write(option('--conf=', 'any'), 'It reads settings anywhere.')], { syntax: exact('-u= --user= -t= -b='), safe: [form('--user NAME', 'It only tells of one account.')] }),
  program('htpasswd htdigest htdbm dbmmanage', [write(operand('file', 0, 0), 'It writes to any file.'), privilege(operand('text', 1), 'It may be any account of it.')], { syntax: exact('-C= -r='), safe: [form('/srv/NAME.htpasswd NAME', 'It sets the password of one account of one file.')] }),
  program('google-authenticator oathtool ykman pamtester pam_timestamp_check', [privilege(always, 'It reads or changes what proves who somebody is.'), write(option('-s= --secret=', 'any'), 'It writes to any file.')]),
];
