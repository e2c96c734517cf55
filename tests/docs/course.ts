/** What a Markdown page with lessons holds: blocks of YAML, what must be said about them, and tables of requests. */
export type Lesson = {
  readonly heading: string;
  readonly documents: readonly Block[];
  readonly faulty: readonly Remarked[];
  readonly doubtful: readonly Remarked[];
  readonly tables: readonly Table[];
};
/** `name`: the file that its first line names, or one made up for rules without a policy around them. */
export type Block = { readonly name: string; readonly text: string; readonly kind: 'policy' | 'cases' };
/** A block that is wrong on purpose (a text follows it) or doubtful (findings of lint follow it), and what must be said about it. */
export type Remarked = Block & { readonly told: string };
/** A table with the columns `types` and `decision`. Rows go by the names of their columns, without empty cells. */
export type Table = { readonly columns: readonly string[]; readonly rows: readonly Row[] };
export type Row = Readonly<Record<string, string>>;

/** Lessons end at each heading of the second or third level. */
export function lessonsOf(markdown: string): readonly Lesson[] {
  return markdown.split(/^(?=#{2,3} )/m).map((part) => {
    const heading = /^#+ +(.*)/.exec(part)?.[1] ?? '';
    const fences = fencesOf(part, heading);
    return {
      heading,
      documents: fences.filter(({ remark }) => remark === undefined),
      faulty: fences.filter(({ remark }) => remark === 'text'),
      doubtful: fences.filter(({ remark }) => remark === 'lint'),
      tables: tablesOf(part),
    };
  });
}

function fencesOf(part: string, heading: string): readonly (Remarked & { readonly remark: string | undefined })[] {
  return [...part.matchAll(/^```yaml\n(.*?)^```\n(?:\n```(text|lint)\n(.*?)^```\n)?/gms)].map(([, yaml = '', remark, told = ''], index) => ({
    ...blockOf(yaml, `${heading.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}-${index + 1}`),
    remark,
    told: told.trimEnd(),
  }));
}

function blockOf(yaml: string, made: string): Block {
  const name = /^# ([a-z0-9.-]+\.yaml)\n/.exec(yaml)?.[1];
  if (name !== undefined) return { name, text: yaml, kind: /^kind: PolicyTest$/m.test(yaml) ? 'cases' : 'policy' };
  if (!yaml.startsWith('- name: ')) throw new Error(`a block of YAML begins with "# NAME.yaml" or "- name:", not with ${JSON.stringify(yaml.slice(0, 40))}`);
  const rules = yaml.replaceAll(/^(?=.)/gm, '  ');
  return { name: `${made}.yaml`, text: `apiVersion: belay/v1\nkind: Policy\nmetadata: { name: ${made} }\nrules:\n${rules}`, kind: 'policy' };
}

function tablesOf(part: string): readonly Table[] {
  const tables = part.replaceAll(/^```.*?^```$/gms, '').match(/(?:^\|.*\|\n)+/gm) ?? [];
  return tables.map(tableOf).filter(({ columns }) => columns.includes('types') && columns.includes('decision'));
}

function tableOf(table: string): Table {
  const [columns = [], , ...rows] = table.trimEnd().split('\n').map((line) => line.slice(1, -1).split(/(?<!\\)\|/).map((cell) => cell.trim()));
  return { columns, rows: rows.map((cells) => Object.fromEntries(columns.map((name, index) => [name, cells[index] ?? ''] as const).filter(([, cell]) => cell !== ''))) };
}
