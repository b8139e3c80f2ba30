import { z } from 'zod'

const name = z.string({ error: 'expected a name' }).min(1, { error: 'expected a name' })

/** A value that stands in YAML as a number or a boolean is the same SQL literal. */
const expression = z.union([z.string().min(1), z.number(), z.boolean()], {
  error: 'expected one SQL expression, e.g. "\'DE\'"',
})

const flag = (meaning: string) =>
  z.literal(true, { error: 'expected true, or no such key' }).describe(meaning).optional()

const outside = z.union([z.string().min(1), z.number(), z.boolean(), z.null()])

const writes = z.union([expression, z.record(name, expression)], {
  error: 'expected one SQL expression over "value", or a mapping of new columns to such expressions',
})

const columnRule = z.union(
  [
    name,
    z.strictObject({
      to: name.describe('The new column that it is. Default: the column of the same name.').optional(),
      type: name
        .describe('The old type, e.g. "varchar(20)". Needed where the migration did not run through the proxy.')
        .optional(),
      read: expression
        .describe('What old statements read: one SQL expression over the new columns, of the old type.')
        .optional(),
      write: writes
        .describe(
          'What old statements write: one SQL expression over "value", which has the old type; or one for each of several new columns.',
        )
        .optional(),
      values: z
        .record(name, expression, { error: 'expected a mapping of old values to new ones, e.g. { A: active }' })
        .describe('Old values and what they are in the new column; both as PostgreSQL prints them. NULL stays NULL.')
        .optional(),
      outside: z
        .union([outside, z.strictObject({ read: outside.optional(), write: outside.optional() })], {
          error: 'expected error, null, an old value that "values" has, or { read: ..., write: ... }',
        })
        .describe(
          'What a value that "values" does not have is read and written as: error (the default), null, or as that old value.',
        )
        .optional(),
      time_zone: name
        .describe('For timestamp that became timestamptz, or the reverse: the time zone that the plain one is in.')
        .optional(),
      default: expression
        .describe('What an old INSERT gives that does not name the column. Default: the default it had.')
        .optional(),
      same_meaning: flag(
        'What changed of the column (NOT NULL, its default, ALTER TYPE ... USING) is nothing to old statements.',
      ),
      dropped: flag('The column is gone: old statements read what "read" says, and what they write is discarded.'),
      read_only: flag('Old statements read what "read" says; those that write the column are refused.'),
      injective: flag(
        'Declares that different old values are written as different new ones that read back as they were.',
      ),
      total: flag('Declares that "write" fails for no old value.'),
      monotone: flag('Declares that old values sort as the new ones do that they are read from.'),
    }),
  ],
  {
    error:
      'expected the new name of the column, or a mapping such as { to: name, type: text, read: "...", write: "..." }',
  },
)

const tableRule = z
  .strictObject({
    to: name
      .describe(
        'The new name; schema-qualified (schema.table) where the table moves to another schema. Default: the old name.',
      )
      .optional(),
    columns: z
      .record(name, columnRule, { error: 'expected a mapping of old column names to new ones' })
      .describe('Renamed columns: old name to new name. All are renamed at once, so names may swap.')
      .optional(),
    order: z
      .array(name, { error: 'expected a list of all old column names' })
      .describe(
        'All columns of the old table in their order: needed where one is gone and the migration did not run through the proxy.',
      )
      .optional(),
    added: z
      .array(name, { error: 'expected a list of new column names' })
      .describe('Columns that the migration adds, by their new names: old statements do not see them.')
      .optional(),
    same_meaning: flag(
      'Whatever changed of the table besides names and types (constraints, NOT NULL, defaults) is nothing to old statements.',
    ),
    independent: flag(
      'Rows of the table that the migration changes or copies by UPDATE, INSERT ... SELECT or MERGE may differ from what old statements write afterwards.',
    ),
    insert: z
      .record(name, expression, { error: 'expected a mapping of new columns to SQL expressions' })
      .describe(
        'What an old INSERT gives to an added column: exactly one SQL expression, without references to columns.',
      )
      .optional(),
    write: z
      .record(name, expression, {
        error: 'expected a mapping of new columns to SQL expressions over old ones, e.g. { name: "first || last" }',
      })
      .describe(
        'New columns that several old ones became: one SQL expression over the old columns each. Where an old statement writes some of them, the others stand for what they are.',
      )
      .optional(),
  })
  .describe('How one table of the old version is seen through the new version.')

const typeRule = z
  .strictObject({
    to: name.describe('The name that the enum has now. Default: the old name.').optional(),
    shadow: name.describe(
      'An enum with the old labels in their order, which old statements see it as: `migrate` makes it in schema hotswap.',
    ),
  })
  .describe('An enum whose labels were renamed or removed.')

/** One file in rules/: one step from a version to the next. */
export const ruleFileSchema = z
  .strictObject(
    {
      tables: z
        .record(name, tableRule, { error: 'expected a mapping of old table names to their rules' })
        .describe(
          'By the name in the OLD version; schema-qualified (schema.table) where the plain name is not unique.',
        ),
      types: z
        .record(name, typeRule, { error: 'expected a mapping of old enums to their rules' })
        .describe('Enums with other labels, by the name in the OLD version. What becomes of values, columns say.')
        .optional(),
    },
    { error: 'expected a mapping with the key "tables"' },
  )
  .describe('pg-hotswap rule file: how the version before this migration is seen through the version after it.')

export type RuleFileInput = z.infer<typeof ruleFileSchema>

export type ColumnRuleInput = z.infer<typeof columnRule>
