import { readFile } from 'node:fs/promises'
import { startTestHotswap, type TestHotswap } from '../../support/start-hotswap.js'

const read = (name: string) => readFile(new URL(`../${name}`, import.meta.url), 'utf8')

/**
 * A proxy in front of the shop's first version, with the rule file for its dropped column under the given name. Tools that
 * keep a ledger make that version themselves, before the proxy starts.
 */
export async function startShop(rule: string, makeFirst?: (url: string) => Promise<void>): Promise<TestHotswap> {
  const rules = { [rule]: await read('legacy.yaml') }
  if (makeFirst === undefined) return await startTestHotswap(await read('shop.sql'), { rules })
  return await startTestHotswap('', { rules, prepare: makeFirst })
}
