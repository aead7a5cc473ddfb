/** Which file names a visitor may ask for. Pure: what lies on the disk is static-files.ts's matter. */

const NAME_BYTES_MAX = 255
/** Names that Windows opens as devices in every folder, whatever their extension. */
const DEVICE = /^(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])[ ]*(\.|$)/i

/**
 * Whether every segment is the plain name of something inside the folder. The same names are refused on every system, so that
 * a site behaves alike everywhere: `..`, names with a slash, backslash, colon (drives, NTFS streams) or control character,
 * hidden files, Windows' devices, and names that Windows shortens (a dot or space at the end).
 * @param segments percent-decoded, without the empty one at the end that a slash leaves
 */
export function areSafeNames(segments: readonly string[]): boolean {
  return segments.every(isSafeName)
}

function isSafeName(name: string): boolean {
  return name !== '' && Buffer.byteLength(name) <= NAME_BYTES_MAX
    && !name.startsWith('.')
    // eslint-disable-next-line no-control-regex -- control characters are what is looked for
    && !/[/\\:\u0000-\u001f\u007f]/.test(name)
    && !/[. ]$/.test(name)
    && !DEVICE.test(name)
}
