import { type ColumnDefinitionBuilder, sql } from 'kysely';

export type Dialect = 'sqlite' | 'postgresql';

export type Column = (column: ColumnDefinitionBuilder) => ColumnDefinitionBuilder;
export const required: Column = (column) => column.notNull();
export const primary: Column = (column) => column.primaryKey().notNull();

/** The same tables on both databases: whole numbers are 64 bits wide, bytes are BLOB or bytea. */
export function typesOf(dialect: Dialect) {
  return { bytes: dialect === 'sqlite' ? sql`blob` : sql`bytea`, int: dialect === 'sqlite' ? sql`integer` : sql`bigint`, text: sql`text` } as const;
}
