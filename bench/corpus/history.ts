import type { Checkout, TreeFile } from './checkout.js'
import type { CorpusQuery, Project } from './project.js'

/** A migration, and the app that stood before it. */
export interface HistoryStep {
  /** The migration's file, or folder, without its ending: the name of the version that it leads to. */
  readonly name: string
  readonly key: string
  readonly sql: string
  /** The commit that brought the migration; those that came by one commit are one release. */
  readonly release: string
  /** The statements of the app just before that commit. */
  queries(): Promise<readonly CorpusQuery[]>
}

/**
 * The migrations of HEAD, as they are there, in the order in which they came into the project's main line (in the order of
 * their names where they came together).
 */
export async function readHistory(checkout: Checkout, project: Project): Promise<readonly HistoryStep[]> {
  const current = new Map<string, TreeFile>()
  for (const file of await checkout.files('HEAD')) {
    const key = project.key(file.path)
    if (key !== undefined && project.current?.(file.path) !== false) current.set(key, file)
  }
  const releases = project.queries === undefined ? new Map<string, string>() : await findReleases(checkout, project)
  const order = [...new Set(releases.values())]
  const keys = [...current.keys()].sort()
  const place = (key: string) => order.indexOf(releases.get(key) ?? '')
  keys.sort((one, other) => place(one) - place(other) || (one < other ? -1 : 1))
  const known = new Map<string, Promise<readonly CorpusQuery[]>>()
  return await Promise.all(
    keys.map(async (key): Promise<HistoryStep> => {
      const file = current.get(key) as TreeFile
      const release = releases.get(key) ?? 'HEAD'
      return {
        name: nameOf(file.path),
        key,
        sql: project.up(await checkout.read(file)),
        release,
        queries: () => {
          const found = known.get(release) ?? queriesBefore(checkout, project, release)
          known.set(release, found)
          return found
        },
      }
    }),
  )
}

/** By key, the first commit of the main line whose tree holds the migration. */
async function findReleases(checkout: Checkout, project: Project): Promise<Map<string, string>> {
  const releases = new Map<string, string>()
  for (const commit of await checkout.commitsTouching(project.pathWord)) {
    for (const { path } of await checkout.files(commit)) {
      const key = project.key(path)
      if (key !== undefined && !releases.has(key)) releases.set(key, commit)
    }
  }
  return releases
}

async function queriesBefore(checkout: Checkout, project: Project, release: string): Promise<readonly CorpusQuery[]> {
  const parent = await checkout.parentOf(release)
  return parent === undefined ? [] : await queriesAt(checkout, project, parent)
}

/** The statements of one commit, each text once. */
export async function queriesAt(checkout: Checkout, project: Project, commit: string): Promise<readonly CorpusQuery[]> {
  const source = project.queries
  if (source === undefined) return []
  const files = (await checkout.files(commit)).filter((file) => source.isFile(file))
  const lists = await Promise.all(files.map(async (file) => source.read(await checkout.read(file), file.path)))
  return [...new Map(lists.flat().map((query) => [query.sql, query])).values()]
}

function nameOf(path: string): string {
  const file = path.endsWith('/up.sql') ? path.slice(0, -'/up.sql'.length) : path.replace(/(\.up)?\.sql$/, '')
  return file.replace(/^.*\//, '')
}
