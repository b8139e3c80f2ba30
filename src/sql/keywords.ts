/**
 * The keyword categories of PostgreSQL 18 (kwlist.h): `unreserved` words are legal names everywhere, `col_name` words as
 * columns and tables but not functions or types, `type_func_name` words the reverse, `reserved` words only after AS.
 * The words come from libpg-query, whose scan reports each word's category; a test holds the two equal.
 */
export type KeywordCategory = 'unreserved' | 'col_name' | 'type_func_name' | 'reserved'

const WORDS: Readonly<Record<KeywordCategory, string>> = {
  unreserved: `
    abort absent absolute access action add admin after aggregate also alter always asensitive assertion
    assignment at atomic attach attribute backward before begin breadth by cache call called cascade cascaded
    catalog chain characteristics checkpoint class close cluster columns comment comments commit committed
    compression conditional configuration conflict connection constraints content continue conversion copy cost
    csv cube current cursor cycle data database day deallocate declare defaults deferred definer delete
    delimiter delimiters depends depth detach dictionary disable discard document domain double drop each empty
    enable encoding encrypted enforced enum error escape event exclude excluding exclusive execute explain
    expression extension external family filter finalize first following force format forward function functions
    generated global granted groups handler header hold hour identity if immediate immutable implicit import
    include including increment indent index indexes inherit inherits inline input insensitive insert instead
    invoker isolation keep key keys label language large last leakproof level listen load local location lock
    locked logged mapping match matched materialized maxvalue merge method minute minvalue mode month move name
    names nested new next nfc nfd nfkc nfkd no normalized nothing notify nowait nulls object objects of off oids
    old omit operator option options ordinality others over overriding owned owner parallel parameter parser
    partial partition passing password path period plan plans policy preceding prepare prepared preserve prior
    privileges procedural procedure procedures program publication quote quotes range read reassign recursive
    ref referencing refresh reindex relative release rename repeatable replace replica reset restart restrict
    return returns revoke role rollback rollup routine routines rows rule savepoint scalar schema schemas scroll
    search second security sequence sequences serializable server session set sets share show simple skip
    snapshot source sql stable standalone start statement statistics stdin stdout storage stored strict string
    strip subscription support sysid system tables tablespace target temp template temporary text ties
    transaction transform trigger truncate trusted type types uescape unbounded uncommitted unconditional
    unencrypted unknown unlisten unlogged until update vacuum valid validate validator value varying version
    view views virtual volatile whitespace within without work wrapper write xml year yes zone`,
  col_name: `
    between bigint bit boolean char character coalesce dec decimal exists extract float greatest grouping inout
    int integer interval json json_array json_arrayagg json_exists json_object json_objectagg json_query
    json_scalar json_serialize json_table json_value least merge_action national nchar none normalize nullif
    numeric out overlay position precision real row setof smallint substring time timestamp treat trim values
    varchar xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot
    xmlserialize xmltable`,
  type_func_name: `
    authorization binary collation concurrently cross current_schema freeze full ilike inner is isnull join left
    like natural notnull outer overlaps right similar tablesample verbose`,
  reserved: `
    all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create
    current_catalog current_date current_role current_time current_timestamp current_user default deferrable
    desc distinct do else end except false fetch for foreign from grant group having in initially intersect into
    lateral leading limit localtime localtimestamp not null offset on only or order placing primary references
    returning select session_user some symmetric system_user table then to trailing true union unique user using
    variadic when where window with`,
}

/** Every keyword, in lower case, with its category. */
export const KEYWORDS: ReadonlyMap<string, KeywordCategory> = new Map(
  (Object.keys(WORDS) as KeywordCategory[]).flatMap((category) =>
    WORDS[category]
      .trim()
      .split(/\s+/)
      .map((word) => [word, category] as const),
  ),
)

const LONGEST = Math.max(...[...KEYWORDS.keys()].map((word) => word.length))

// An open hash table, so that the scanner tells a keyword from a name without making a string of it.
const SLOTS = 2048
const TABLE: readonly (string | undefined)[] = [...KEYWORDS.keys()].reduce<(string | undefined)[]>((table, word) => {
  let slot = hashOf(word, 0, word.length)
  while (table[slot] !== undefined) slot = (slot + 1) % SLOTS
  table[slot] = word
  return table
}, new Array<string | undefined>(SLOTS).fill(undefined))

/** Whether the identifier text[start, end) is a keyword in any case. */
export function isKeywordAt(text: string, start: number, end: number): boolean {
  if (end - start > LONGEST) return false
  let slot = hashOf(text, start, end)
  for (;;) {
    const word = TABLE[slot]
    if (word === undefined) return false
    if (word.length === end - start && foldsToWord(text, start, word)) return true
    slot = (slot + 1) % SLOTS
  }
}

// `| 0x20` folds A-Z and maps no two other characters of an identifier (a-z 0-9 _ $ and bytes from 0x80) onto one another
// below 0x80, which is where all keywords are.
function hashOf(text: string, start: number, end: number): number {
  let hash = end - start
  for (let i = start; i < end; i++) hash = (hash * 31 + (text.charCodeAt(i) | 0x20)) | 0
  return (hash ^ (hash >>> 11)) & (SLOTS - 1)
}

/** Whether the identifier at `start` begins with a keyword, given in lower case, in any case. */
export function foldsToWord(text: string, start: number, word: string): boolean {
  for (let i = 0; i < word.length; i++) {
    if ((text.charCodeAt(start + i) | 0x20) !== (word.charCodeAt(i) | 0x20)) return false
  }
  return true
}
