/** pg-hotswap as a library: what `pg-hotswap serve` runs, in one call. */
export { type Hotswap, startHotswap } from './cli/start-hotswap.js'
export { type Config, loadConfig } from './config/load-config.js'
export type { ProxyLog } from './proxy/contracts.js'
