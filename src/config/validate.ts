import type { z } from 'zod'
import { suggestName } from './nearest-name.js'
import type { Checked, Problem } from './problem.js'
import type { YamlSource } from './yaml-source.js'

/** Keys that a later version will know, with what they are for; found where a key is unknown. */
export type LaterKeys = Readonly<Record<string, string>>

/** Checks a file's value against its schema; each problem says what was expected, and where. */
export function validate<T>(
  schema: z.ZodType<T>,
  source: YamlSource,
  value: unknown,
  later: LaterKeys = {},
): Checked<T> {
  const result = schema.safeParse(value)
  if (result.success) return { ok: true, value: result.data }
  return {
    ok: false,
    problems: result.error.issues.flatMap((issue) => explain(issue, [], { source, value, later, schema })),
  }
}

interface Context {
  readonly source: YamlSource
  readonly value: unknown
  readonly later: LaterKeys
  readonly schema: z.ZodType
}

type Issue = z.core.$ZodIssue

function explain(issue: Issue, base: readonly PropertyKey[], context: Context): Problem[] {
  const path = [...base, ...issue.path]
  const { source } = context
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        place: source.placeOfKey([...path, key]),
        message: Object.hasOwn(context.later, key)
          ? `"${key}" is not supported yet: ${context.later[key]}`
          : `unknown key "${key}"${suggestName(key, knownKeys(context.schema, path))}`,
      }))
    case 'invalid_union': {
      const branch = branchOf(issue)
      if (branch !== undefined) return branch.flatMap((inner) => explain(inner, path, context))
      return [
        { place: source.placeOf(path), message: `${expected(issue)}, got ${describe(valueAt(context.value, path))}` },
      ]
    }
    case 'invalid_type': {
      const got = valueAt(context.value, path)
      const place = got === undefined ? source.placeOfKey(path.slice(0, -1)) : source.placeOf(path)
      const name = path.at(-1)
      if (got === undefined && name !== undefined) return [{ place, message: `"${String(name)}" is missing here` }]
      return [{ place, message: `${expected(issue)}, got ${describe(got)}` }]
    }
    default:
      return [
        { place: source.placeOf(path), message: `${expected(issue)}, got ${describe(valueAt(context.value, path))}` },
      ]
  }
}

/** The alternative that the author meant: the only one whose own kind of value stands there. */
function branchOf(issue: Extract<Issue, { code: 'invalid_union' }>): Issue[] | undefined {
  const meant = issue.errors.filter(
    (issues) => !issues.some((inner) => inner.path.length === 0 && inner.code === 'invalid_type'),
  )
  return meant.length === 1 ? meant[0] : undefined
}

const typeWords: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
  int: 'a whole number',
}

/** Schemas carry their own words (`expected ...`); where they do not, the kind of value is named. */
function expected(issue: Issue): string {
  if (issue.message.startsWith('expected ')) return issue.message
  if (issue.code === 'invalid_type') return `expected ${typeWords[issue.expected] ?? issue.expected}`
  if (issue.code === 'invalid_value') return `expected one of ${issue.values.map(String).join(', ')}`
  return issue.message
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a mapping'
  return typeof value === 'string' ? `"${value}"` : String(value)
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let current = value
  for (const part of path) {
    if (current === null || typeof current !== 'object') return undefined
    current = (current as Record<PropertyKey, unknown>)[part]
  }
  return current
}

/** The keys that the schema knows at `path`, found by walking its definition. */
function knownKeys(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let candidates: z.core.$ZodType[] = [schema]
  for (const part of path) candidates = candidates.flatMap((candidate) => childSchemas(candidate, part))
  return candidates.flatMap(flatten).flatMap((candidate) => {
    const definition = definitionOf(candidate)
    return definition.type === 'object' ? Object.keys(definition.shape) : []
  })
}

type Definition = z.core.$ZodTypes['_zod']['def']

function definitionOf(schema: z.core.$ZodType): Definition {
  return (schema as z.core.$ZodTypes)._zod.def
}

/** A schema without its wrappers; a union gives its members. */
function flatten(schema: z.core.$ZodType): z.core.$ZodType[] {
  const definition = definitionOf(schema)
  switch (definition.type) {
    case 'optional':
    case 'default':
    case 'prefault':
    case 'nullable':
    case 'readonly':
      return flatten(definition.innerType)
    case 'pipe':
      return flatten(definition.in)
    case 'union':
      return definition.options.flatMap(flatten)
    default:
      return [schema]
  }
}

function childSchemas(schema: z.core.$ZodType, part: PropertyKey): z.core.$ZodType[] {
  return flatten(schema).flatMap((candidate) => {
    const definition = definitionOf(candidate)
    if (definition.type === 'object') {
      const child = definition.shape[String(part)]
      return child === undefined ? [] : [child]
    }
    if (definition.type === 'record') return [definition.valueType]
    return definition.type === 'array' ? [definition.element] : []
  })
}
