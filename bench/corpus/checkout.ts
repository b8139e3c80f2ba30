import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** One file of a commit's tree. */
export interface TreeFile {
  readonly path: string
  /** The blob's hash: equal hashes are equal contents. */
  readonly blob: string
}

/** A git checkout, or a bare repository, that is read and never written. */
export interface Checkout {
  /** Commits of HEAD's first-parent line that touch a path which holds the word, oldest first. */
  commitsTouching(word: string): Promise<readonly string[]>
  /** The commit that stood before, or undefined for the first one. */
  parentOf(commit: string): Promise<string | undefined>
  files(commit: string): Promise<readonly TreeFile[]>
  read(file: TreeFile): Promise<string>
  close(): void
}

export function openCheckout(directory: string): Checkout {
  const git = async (...args: string[]): Promise<string> => {
    const { stdout } = await run('git', ['-C', directory, ...args], { maxBuffer: 256 * 1024 * 1024 })
    return stdout
  }
  const blobs = readBlobs(directory)
  return {
    async commitsTouching(word) {
      // -m: what a merge brought counts as its own, since it is what the line before it did not have.
      const log = await git('log', '--first-parent', '-m', '--reverse', '--format=%H', 'HEAD', '--', `*${word}*`)
      return log.split('\n').filter((line) => line !== '')
    },
    async parentOf(commit) {
      const [, parent] = (await git('rev-list', '--parents', '-n', '1', commit)).trim().split(' ')
      return parent
    },
    async files(commit) {
      const list = await git('ls-tree', '-r', '-z', commit)
      return list.split('\0').flatMap((line) => {
        const [, type, blob = '', path = ''] = /^\d+ (\w+) (\w+)\t(.*)$/s.exec(line) ?? []
        return type === 'blob' ? [{ path, blob }] : []
      })
    },
    read: (file) => blobs.read(file.blob),
    close: () => blobs.close(),
  }
}

/** One `git cat-file --batch` for the whole run; contents are remembered, for most files stay the same for years. */
function readBlobs(directory: string): { read(blob: string): Promise<string>; close(): void } {
  const known = new Map<string, string>()
  let child: ChildProcessWithoutNullStreams | undefined
  const waiting: { readonly blob: string; resolve(text: string): void; reject(error: Error): void }[] = []
  let buffer: Buffer = Buffer.alloc(0)
  const take = (chunk: Buffer) => {
    buffer = Buffer.concat([buffer, chunk])
    for (;;) {
      const head = buffer.indexOf(10)
      if (head < 0) return
      const [, kind, size] = buffer.toString('latin1', 0, head).split(' ')
      const length = size === undefined ? -1 : Number(size)
      if (length >= 0 && buffer.length < head + 2 + length) return
      const next = waiting.shift()
      if (next === undefined) throw new Error('git answered what nobody asked')
      if (length < 0) {
        buffer = buffer.subarray(head + 1)
        next.reject(new Error(`git has no blob ${next.blob}${kind === undefined ? '' : ` (${kind})`}`))
        continue
      }
      const text = buffer.toString('utf8', head + 1, head + 1 + length)
      buffer = buffer.subarray(head + 2 + length)
      known.set(next.blob, text)
      next.resolve(text)
    }
  }
  const start = (): ChildProcessWithoutNullStreams => {
    const started = spawn('git', ['-C', directory, 'cat-file', '--batch'])
    started.stdout.on('data', take)
    started.on('exit', () => {
      for (const { reject } of waiting.splice(0)) reject(new Error('git cat-file ended'))
    })
    return started
  }
  return {
    read(blob) {
      const text = known.get(blob)
      if (text !== undefined) return Promise.resolve(text)
      child ??= start()
      const { stdin } = child
      return new Promise((resolve, reject) => {
        waiting.push({ blob, resolve, reject })
        stdin.write(`${blob}\n`)
      })
    },
    close: () => child?.stdin.end(),
  }
}
