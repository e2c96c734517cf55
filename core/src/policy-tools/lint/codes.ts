import type { LintSeverity } from './severity.ts';

type CodeEntry = {
  /** The severity it usually has. */
  readonly severity: LintSeverity;
  /** One line. */
  readonly about: string;
  /** Why it matters and what to do. */
  readonly why: string;
  /** Found only when the fleet's facts are given. */
  readonly needsFacts?: true;
};

const escape = (about: string, why: string, severity: LintSeverity = 'error'): CodeEntry => ({ severity, about, why });

/** Every code the linter has. Part of its interface: comments in policies and rules in CI name them. */
export const LINT_CODES = {
  'escape-shell': escape('The command can start a shell or any other program.', 'Whoever is granted it has all that root has: what he starts is no longer asked about.'),
  'escape-write': escape('The command can write files that the rule does not name.', 'A line in /etc/sudoers or a key in /root/.ssh is root. Where limits.writable holds it to some folders this is a note.'),
  'escape-read': escape('The command can read files that the rule does not name.', 'Private keys, password hashes and the secrets of services become readable.', 'warning'),
  'escape-owner': escape('The command can change who owns a file, or its mode.', 'A file of root that one owns is as good as root.'),
  'escape-load': escape('The command can load code: a module, a plugin, a script, a configuration that names programs.', 'Code that it loads runs as root, in the same process: checking children does not close it.'),
  'escape-privilege': escape('The command can give privileges: accounts, groups, capabilities, kernel modules.', 'What it hands out stays after the command has ended.'),
  'escape-delegation': escape('The command can have something else run as root: a service, a timer, a container, another machine.', 'What runs there is started by somebody else, so neither children nor recording sees it.'),
  'runs-anything': {
    severity: 'error', about: 'The rule runs anything.',
    why: 'It is root in one line. An error where nobody is asked for more than a reason, a warning where a password is, a note where another person must approve. The recovery rule is meant to: it is a note, and only where it does not even want a password.',
  },
  'runs-package': {
    severity: 'warning', about: 'The rule names no command, only a package or a content.',
    why: 'Every program of the package is granted, those of its next version too, and none can be looked up in the table of escapes. Name the commands as well.',
  },
  'user-writable': {
    severity: 'warning', about: 'The command is where ordinary users can write.',
    why: 'Whoever can write the file or a folder above it decides what runs. The device refuses such a file unless it is pinned with sha256, so the rule also does not work as written. In folders that are only often shared (/opt, /srv, /mnt) it is a note.',
  },
  'relative-trust': {
    severity: 'warning', about: 'An argument is a path relative to the working directory, which the requester chooses.',
    why: 'The rule names `./deploy.yaml` and the requester decides which. Write the path in full, or hold the folder with limits.cwd or cwd.',
  },
  'broad-wildcard': {
    severity: 'warning', about: 'A wildcard or a folder is so broad that it holds nothing.',
    why: 'A pattern for everything below /, /etc or /usr leaves open what it was to pin.',
  },
  'keeps-dangerous': {
    severity: 'error', about: 'A variable is kept that makes programs load code or look for it elsewhere.',
    why: 'LD_PRELOAD, PATH, BASH_ENV and their like are chosen by the requester and obeyed as root. Set the value in the rule (environment.set) where the command needs one.',
  },
  unreachable: {
    severity: 'warning', about: 'A deny takes away all of it.',
    why: 'A deny wins whatever its priority, so the rule never holds. Write the exception into the deny, or take the rule away.',
  },
  shadowed: {
    severity: 'warning', about: 'Rules of higher priority always decide instead.',
    why: 'For everything it covers another rule holds too and comes first. Proved rule by rule, as they are written; no finding does not mean that no such rule exists.',
  },
  duplicate: {
    severity: 'warning', about: 'Another rule already says this, or more.',
    why: 'Taking it away changes nothing. Of two such rules people change one and believe it done.',
  },
  'allow-beside-ask': {
    severity: 'note', about: 'An ask of the same priority covers this allow, so it asks.',
    why: 'Among equals the strictest wins. If it is meant to pass unasked, give the allow a higher priority; else take it away.',
  },
  contradiction: {
    severity: 'error', about: 'What the rule says, or two rules say together, cannot be had at once.',
    why: 'Such a rule never holds, or the command is refused when it is to run.',
  },
  'never-matches': {
    severity: 'warning', about: 'The rule can match nothing: its condition is never true, or no device has what it asks for.',
    why: 'Often a slip: `time.hour >= 22 && time.hour < 6` is never true, a group has no devices. With the facts of a fleet, devices that are enrolled later may change it.',
  },
  'constant-condition': {
    severity: 'note', about: 'The condition is always true.',
    why: 'It limits nothing, which is perhaps not what was meant.',
  },
  'unknown-name': {
    severity: 'warning', about: 'The fleet has no user, group or operating system of this name.',
    why: 'A grant for it never holds, and a deny for a group that a device cannot resolve holds for everybody there.', needsFacts: true,
  },
  'misspelt-name': {
    severity: 'note', about: 'A name that occurs once is one letter away from one that is used often.',
    why: 'Nobody is in a group that does not exist, and nothing tells so.',
  },
  'approval-impossible': {
    severity: 'error', about: 'Nobody, or too few, could give the approval it wants.',
    why: 'The requester never approves his own request, and each person counts once. Where it names roles alone, one of them must be one that may answer: approver or administrator.',
  },
  'deny-unknown': {
    severity: 'note', about: 'A deny depends on something that devices often cannot tell; there it holds for everybody.',
    why: 'Unknown satisfies a deny. That is safe, and may be more than was meant: without a label, without secure boot, for a process whose parent has ended.',
  },
  'weak-parent': {
    severity: 'note', about: 'The program that must have started it is one that anybody can have start it.',
    why: 'A shell, an interpreter or an editor starts whatever its user wants, so asking for it as the parent keeps nobody out.',
  },
  'monitor-recovery': {
    severity: 'warning', about: 'A recovery rule in a policy that enforces nothing.',
    why: 'In mode: monitor the rule lets nobody in, so it is no way to recover a device.',
  },
  'pointless-priority': {
    severity: 'note', about: 'A deny has a priority.',
    why: 'A deny wins whatever its priority; the number only misleads whoever reads it.',
  },
  'unused-set': {
    severity: 'note', about: 'No policy uses this set or these defaults.',
    why: 'Among the files that were checked; it does nothing until a policy names it.',
  },
  'stale-accept': {
    severity: 'warning', about: 'A comment accepts a finding that is not there.',
    why: 'The rule was mended, or the comment stands elsewhere: it belongs on the line above the rule or entry, or at the end of its line. Left there it would silence the next one unseen.',
  },
  'bad-accept': {
    severity: 'error', about: 'A comment means to accept a finding and does not say which, or not why.',
    why: 'The form is `# belay: accept CODE because REASON`.',
  },
} as const satisfies Readonly<Record<string, CodeEntry>>;

export type LintCode = keyof typeof LINT_CODES;

export function isLintCode(text: string): text is LintCode {
  return Object.hasOwn(LINT_CODES, text);
}

export function needsFacts(code: LintCode): boolean {
  const entry: CodeEntry = LINT_CODES[code];
  return entry.needsFacts === true;
}
