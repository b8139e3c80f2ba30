/** The lexical classes of scan.l that the rewriter tells apart. Comments and white space are no tokens. */
export type TokenKind =
  | 'identifier' // name, unquoted; keywords among them are `keyword`
  | 'keyword' // any word of kwlist.h, reserved or not; the N of N'...' (it stands for NCHAR)
  | 'quoted' // "name"
  | 'unicode-quoted' // U&"name"
  | 'string' // '...', E'...', U&'...', $tag$...$tag$, with continuation lines
  | 'bit-string' // B'...', X'...'
  | 'number'
  | 'param' // $1
  | 'operator' // one of + - * / % ^ < > =, or any run of operator characters, and := => <= >= <> !=
  | 'punctuation' // one of , ( ) [ ] . ; : and the pairs :: .. and any byte that no SQL has outside quotes: { } \ $

/** One token; offsets are byte offsets into the ByteString, `end` exclusive. */
export interface Token {
  readonly kind: TokenKind
  readonly start: number
  readonly end: number
}
