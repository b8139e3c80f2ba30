import { type ExitCode, printFailure, printJson } from './exit.js'
import { askProxy, describeDatabaseError, proxyUrl, requireProxy } from './proxy-client.js'

export interface ControlOptions {
  readonly url?: string
  readonly json?: true
}

/** Sends one control command to the running proxy and prints the facts of its answer, as JSON or by `print`. */
export async function runControl<Facts>(
  text: string,
  options: ControlOptions,
  print: (facts: Facts) => void,
): Promise<ExitCode> {
  const json = options.json ?? false
  const url = proxyUrl(options.url)
  if (!url.ok) return printFailure(url.failure, json)
  const proxy = await requireProxy(url.value)
  if (!proxy.ok) return printFailure(proxy.failure, json)
  const answer = await askProxy({ url: url.value, setting: { name: 'control', value: 'on' }, text })
  if (!answer.ok) return printFailure(answer.failure, json)
  if (!answer.value.ok) {
    const { error } = answer.value
    return printFailure({ message: error.message, details: describeDatabaseError(error), exitCode: 1 }, json)
  }
  const facts = JSON.parse(answer.value.notices[0] ?? '{}') as Facts
  if (json) printJson({ ok: true, ...facts })
  else print(facts)
  return 0
}

/** A version's name as a control command has it. */
export function quoteVersion(name: string): string {
  return `'${name.replaceAll("'", "''")}'`
}
