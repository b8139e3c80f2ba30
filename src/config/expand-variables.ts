import type { Problem } from './problem.js'
import type { YamlSource } from './yaml-source.js'

/**
 * The values of a file with `${NAME}` replaced by environment variables, after parsing, so that no variable's content
 * can change the structure. `$${` stands for `${` itself. A variable that is not set is a problem.
 */
export function expandVariables(
  source: YamlSource,
  environment: Readonly<Record<string, string | undefined>>,
): { readonly value: unknown; readonly problems: readonly Problem[] } {
  const problems: Problem[] = []
  const expand = (value: unknown, path: readonly PropertyKey[]): unknown => {
    if (typeof value === 'string') return expandText(value, path)
    if (Array.isArray(value)) return value.map((item, index) => expand(item, [...path, index]))
    if (value === null || typeof value !== 'object') return value
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, expand(item, [...path, key])]))
  }
  const expandText = (text: string, path: readonly PropertyKey[]) =>
    text.replace(/\$(\$\{)|\$\{([^}]*)\}/g, (_, escaped: string | undefined, name: string) => {
      if (escaped !== undefined) return escaped
      const value = environment[name]
      if (value !== undefined) return value
      problems.push({ place: source.placeOf(path), message: `the environment variable ${name} is not set` })
      return ''
    })
  return { value: expand(source.value, []), problems }
}
