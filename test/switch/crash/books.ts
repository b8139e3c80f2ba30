/** What became of a piece of work: `doubt` where its COMMIT was sent and not answered. */
export type Fate = 'done' | 'undone' | 'doubt'

export interface Transfer {
  readonly source: number
  readonly target: number
  readonly amount: number
  readonly fate: Fate
}

/** What a teller believes to be in the database. */
export interface Books {
  /** By their references. */
  readonly transfers: Map<string, Transfer>
  /** Notes that an account may have: the last one that was written for certain, and those in doubt. */
  readonly notes: Map<number, Set<string>>
  counted: { done: number; doubt: number }
}

export function emptyBooks(): Books {
  return { transfers: new Map(), notes: new Map(), counted: { done: 0, doubt: 0 } }
}

/** The database as it is, in the words of version 1. */
export interface Bank {
  readonly accounts: readonly {
    readonly id: number
    readonly owner: string
    readonly note: string
    readonly balance: number
    readonly status: string
  }[]
  readonly transfers: readonly {
    readonly ref: string
    readonly source: number
    readonly target: number
    readonly amount: number
  }[]
  readonly counters: readonly { readonly client: number; readonly n: number }[]
}

/** Where the database and what the tellers believe differ. */
export function audit(bank: Bank, tellers: readonly Books[]): readonly string[] {
  const wrong: string[] = []
  const believed = new Map(tellers.flatMap(({ transfers }) => [...transfers]))
  const found = new Set(bank.transfers.map(({ ref }) => ref))
  for (const [ref, { fate }] of believed) {
    if (fate === 'done' && !found.has(ref)) wrong.push(`transfer ${ref} was committed, and is not there`)
    if (fate === 'undone' && found.has(ref)) wrong.push(`transfer ${ref} was never committed, and is there`)
  }
  const balances = new Map(bank.accounts.map(({ id }) => [id, 1000]))
  for (const { ref, source, target, amount } of bank.transfers) {
    const known = believed.get(ref)
    if (known === undefined) wrong.push(`nobody made transfer ${ref}`)
    else if (known.source !== source || known.target !== target || known.amount !== amount)
      wrong.push(`transfer ${ref} is another one`)
    balances.set(source, (balances.get(source) ?? 0) - amount)
    balances.set(target, (balances.get(target) ?? 0) + amount)
  }
  for (const { id, owner, note, balance, status } of bank.accounts) {
    if (owner !== `owner-${id}`) wrong.push(`account ${id} is owned by ${owner}`)
    if (status !== 'open') wrong.push(`account ${id} is ${status}`)
    if (balance !== balances.get(id)) wrong.push(`account ${id} has ${balance}, its transfers say ${balances.get(id)}`)
    const notes =
      tellers.map((books) => books.notes.get(id)).find((one) => one !== undefined) ?? new Set([`note-${id}-0`])
    if (!notes.has(note)) wrong.push(`account ${id} has the note ${note}, not ${[...notes].join(' or ')}`)
  }
  for (const [client, { counted }] of tellers.entries()) {
    const n = bank.counters.find((one) => one.client === client)?.n ?? 0
    if (n < counted.done || n > counted.done + counted.doubt)
      wrong.push(`teller ${client} counted ${counted.done}, perhaps ${counted.doubt} more; the counter says ${n}`)
  }
  return wrong
}
