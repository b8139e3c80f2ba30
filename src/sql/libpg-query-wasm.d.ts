/** The WASM module inside libpg-query, without the wrapper that keeps one instance for the life of the process. */
declare module 'libpg-query/wasm/libpg-query.js' {
  export interface PgQueryModule {
    _malloc(bytes: number): number
    _free(pointer: number): void
    /** Takes a NUL-terminated UTF-8 text; returns {char *tree, char *stderr, PgQueryError *error}. */
    _wasm_parse_query_raw(text: number): number
    _wasm_free_parse_result(result: number): void
    /** The module's memory; another one whenever it has grown. */
    readonly HEAPU8: { readonly buffer: ArrayBuffer }
  }
  const createModule: () => Promise<PgQueryModule>
  // biome-ignore lint/style/noDefaultExport: it describes a module of another package
  export default createModule
}
