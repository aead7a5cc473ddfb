/** Which file names a visitor may request. Pure: static-files.ts checks them against the disk. */

const NAME_BYTES_MAX = 255
/** Names that Windows opens as devices in every folder, whatever their extension. */
const DEVICE = /^(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])[ ]*(\.|$)/i

/**
 * Whether every segment is a plain file name. The same names are refused on every system, so that a site behaves the same
 * everywhere: `..`, names with a slash, backslash, colon (drives, NTFS streams) or control character, hidden files, Windows
 * device names, and names that Windows shortens (with a dot or space at the end).
 * @param segments percent-decoded, without the empty last one of a path that ends with a slash
 */
export function areSafeNames(segments: readonly string[]): boolean {
  return segments.every(isSafeName)
}

function isSafeName(name: string): boolean {
  return name !== '' && Buffer.byteLength(name) <= NAME_BYTES_MAX
    && !name.startsWith('.')
    // eslint-disable-next-line no-control-regex -- control characters are what it looks for
    && !/[/\\:\u0000-\u001f\u007f]/.test(name)
    && !/[. ]$/.test(name)
    && !DEVICE.test(name)
}
