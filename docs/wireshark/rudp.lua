-- A dissector for Wireshark and tshark: RUDP, version 2, as docs/rudp.md §2 to §4 specify it. Of an encrypted packet (§13) it
-- shows the cleartext header, and with the client's key log everything else. It trusts the log and does not verify the tags.
--
--   wireshark -X lua_script:docs/wireshark/rudp.lua            (UDP port 8080; others by "Decode As …")
--   tshark -X lua_script:docs/wireshark/rudp.lua -d udp.port==40000,hrudp -r capture.pcapng
--   tshark -X lua_script:docs/wireshark/rudp.lua -o hrudp.key_log:keys.txt -r capture.pcapng        (hamlet fetch --encrypt --key_log keys.txt …)
--
-- Wireshark already has a protocol named rudp, so this one is hrudp. The Info column describes a packet in the words of
-- Hamlet's own trace.

local rudp = Proto('hrudp', 'Hamlet RUDP')

local LONG_TYPES = { [0] = 'HELLO', 'WELCOME', 'RETRY', 'RESET' }
local FRAMES = {
  [0x00] = 'PADDING', [0x01] = 'PING', [0x02] = 'ACK', [0x03] = 'SETTLED', [0x04] = 'RESET_STREAM', [0x05] = 'STOP_SENDING', [0x06] = 'PARAMETERS',
  [0x07] = 'NEW_TOKEN', [0x08] = 'STREAM', [0x09] = 'STREAM', [0x0a] = 'STREAM', [0x0b] = 'STREAM', [0x0c] = 'PARITY', [0x10] = 'MAX_DATA', [0x11] = 'MAX_STREAM_DATA',
  [0x12] = 'MAX_STREAMS', [0x1a] = 'PATH_CHALLENGE', [0x1b] = 'PATH_RESPONSE', [0x1c] = 'CONNECTION_CLOSE', [0x21] = 'TOKEN', [0x22] = 'RESET_TOKEN',
}
local VERSION, ENCRYPTED_VERSION = 0x48520002, 0x48520102
local TAG_BYTES = 16
local CLOSE_CODES = { [0] = 'closed', 'refused', 'unknown', 'idle', 'protocol-violation', 'flow-control', 'internal', 'exhausted' }

local f = {
  type = ProtoField.string('hrudp.type', 'Type'),
  version = ProtoField.uint32('hrudp.version', 'Version', base.HEX),
  checksum = ProtoField.uint32('hrudp.checksum', 'Checksum (CRC-32)', base.HEX),
  checksum_good = ProtoField.bool('hrudp.checksum.good', 'Checksum is valid'),
  destination = ProtoField.uint64('hrudp.destination_id', 'Destination id', base.HEX),
  source = ProtoField.uint64('hrudp.source_id', 'Source id', base.HEX),
  number = ProtoField.uint32('hrudp.number', 'Packet number'),
  frame = ProtoField.string('hrudp.frame', 'Frame'),
  stream = ProtoField.uint64('hrudp.stream', 'Stream'),
  offset = ProtoField.uint64('hrudp.offset', 'Offset'),
  length = ProtoField.uint64('hrudp.length', 'Length'),
  fin = ProtoField.bool('hrudp.fin', 'End of stream'),
  data = ProtoField.bytes('hrudp.data', 'Data'),
  final_size = ProtoField.uint64('hrudp.final_size', 'Final size'),
  sum = ProtoField.uint32('hrudp.parity.sum', 'Stream checksum (CRC-32)', base.HEX),
  parity = ProtoField.bytes('hrudp.parity', 'Parity'),
  token = ProtoField.bytes('hrudp.token', 'Token'),
  limit = ProtoField.uint64('hrudp.limit', 'Limit'),
  code = ProtoField.uint64('hrudp.code', 'Code'),
  settled = ProtoField.uint64('hrudp.settled', 'Settled below packet number'),
  challenge = ProtoField.uint64('hrudp.challenge', 'Challenge', base.HEX),
  largest = ProtoField.uint64('hrudp.ack.largest', 'Largest acknowledged'),
  delay = ProtoField.uint64('hrudp.ack.delay', 'Acknowledgement delay, µs'),
  range = ProtoField.string('hrudp.ack.range', 'Range'),
  parameter = ProtoField.string('hrudp.parameter', 'Parameter'),
  prekey_number = ProtoField.uint32('hrudp.prekey_number', 'Prekey number'),
  share = ProtoField.bytes('hrudp.share', 'Share of the initiator (X25519)'),
  prekey = ProtoField.bytes('hrudp.prekey', 'Prekey of the acceptor (X25519)'),
  identity = ProtoField.bytes('hrudp.identity', 'Identity of the acceptor (X25519)'),
  reset_token = ProtoField.bytes('hrudp.reset_token', 'Reset token'),
  encrypted = ProtoField.bytes('hrudp.encrypted', 'Encrypted frames (AES-128-GCM)'),
  tag = ProtoField.bytes('hrudp.tag', 'Tag'),
}
rudp.fields = f

rudp.prefs.key_log = Pref.string('Key log', '', 'The file written by hamlet fetch --key_log')

local bits = bit32 or bit

-- CRC-32 as in gzip, bit by bit: a capture is read only once, so speed matters little.
local function crc32(bytes, skip_from)
  local crc = 0xffffffff
  for index = 0, bytes:len() - 1 do
    if index < skip_from or index >= skip_from + 4 then
      crc = bits.bxor(crc, bytes:get_index(index))
      for _ = 1, 8 do
        local odd = crc % 2 ~= 0
        crc = bits.rshift(crc, 1)
        if odd then crc = bits.bxor(crc, 0xedb88320) end
      end
    end
  end
  return bits.bnot(crc) % 0x100000000
end

-- AES-128 (FIPS 197), encryption only: counter mode needs no decryption. A block is four words. SubBytes, ShiftRows and
-- MixColumns of a round are combined into one table lookup per byte.
local band, bxor, lshift, rshift = bits.band, bits.bxor, bits.lshift, bits.rshift
local SBOX, COLUMNS = {}, { {}, {}, {}, {} }

local function twice(byte) return byte < 128 and 2 * byte or bxor(2 * byte, 0x11b) end
local function word(a, b, c, d) return a * 0x1000000 + b * 0x10000 + c * 0x100 + d end

do
  local power, inverse = 1, 1 -- powers of 3 and of its inverse, in step: together they yield every pair of inverses
  SBOX[0] = 0x63
  for _ = 1, 255 do
    local affine = inverse
    for turn = 1, 4 do affine = bxor(affine, band(lshift(inverse, turn), 0xff), rshift(inverse, 8 - turn)) end
    SBOX[power] = bxor(affine, 0x63)
    power = bxor(power, twice(power))
    local double = twice(inverse)
    local eightfold = twice(twice(double)) -- the inverse of 3 is 0xf6 = 2 + 4 + 16 + 32 + 64 + 128
    local sixteenfold = twice(eightfold)
    inverse = bxor(double, twice(double), sixteenfold, twice(sixteenfold), twice(twice(sixteenfold)), twice(twice(twice(sixteenfold))))
  end
  for byte = 0, 255 do
    local once = SBOX[byte]
    local double = twice(once)
    local triple = bxor(once, double)
    COLUMNS[1][byte], COLUMNS[2][byte], COLUMNS[3][byte], COLUMNS[4][byte] =
      word(double, once, once, triple), word(triple, double, once, once), word(once, triple, double, once), word(once, once, triple, double)
  end
end

-- Expands a 16-byte key to the 44 words of its eleven round keys.
local function round_keys(key)
  local words = {}
  for index = 0, 3 do words[index + 1] = word(key:byte(4 * index + 1, 4 * index + 4)) end
  local constant = 1
  for index = 5, 44 do
    local before = words[index - 1]
    if index % 4 == 1 then
      before = word(bxor(SBOX[band(rshift(before, 16), 0xff)], constant), SBOX[band(rshift(before, 8), 0xff)], SBOX[band(before, 0xff)], SBOX[rshift(before, 24)])
      constant = twice(constant)
    end
    words[index] = bxor(words[index - 4], before)
  end
  return words
end

local function encrypt_block(keys, a, b, c, d)
  local one, two, three, four = COLUMNS[1], COLUMNS[2], COLUMNS[3], COLUMNS[4]
  a, b, c, d = bxor(a, keys[1]), bxor(b, keys[2]), bxor(c, keys[3]), bxor(d, keys[4])
  for at = 5, 37, 4 do
    a, b, c, d =
      bxor(one[rshift(a, 24)], two[band(rshift(b, 16), 0xff)], three[band(rshift(c, 8), 0xff)], four[band(d, 0xff)], keys[at]),
      bxor(one[rshift(b, 24)], two[band(rshift(c, 16), 0xff)], three[band(rshift(d, 8), 0xff)], four[band(a, 0xff)], keys[at + 1]),
      bxor(one[rshift(c, 24)], two[band(rshift(d, 16), 0xff)], three[band(rshift(a, 8), 0xff)], four[band(b, 0xff)], keys[at + 2]),
      bxor(one[rshift(d, 24)], two[band(rshift(a, 16), 0xff)], three[band(rshift(b, 8), 0xff)], four[band(c, 0xff)], keys[at + 3])
  end
  local function last(first, second, third, fourth, key)
    return bxor(word(SBOX[rshift(first, 24)], SBOX[band(rshift(second, 16), 0xff)], SBOX[band(rshift(third, 8), 0xff)], SBOX[band(fourth, 0xff)]), key)
  end
  return last(a, b, c, d, keys[41]), last(b, c, d, a, keys[42]), last(c, d, a, b, keys[43]), last(d, a, b, c, keys[44])
end

-- The key and IV of one direction: 28 bytes of the log.
local function direction(hex)
  local bytes = hex:gsub('..', function(pair) return string.char(tonumber(pair, 16)) end)
  return { keys = round_keys(bytes:sub(1, 16)), iv = { word(bytes:byte(17, 20)), word(bytes:byte(21, 24)), word(bytes:byte(25, 28)) } }
end

-- Decrypts GCM (NIST SP 800-38D) content of the packet with this number. GCM is counter mode; counter 1 belongs to the tag.
local function decrypt(by, number, bytes)
  local hex = {}
  local text = bytes .. ('\0'):rep(-#bytes % 16)
  local nonce = bxor(by.iv[3], number)
  for block = 0, #text / 16 - 1 do
    local a, b, c, d = encrypt_block(by.keys, by.iv[1], by.iv[2], nonce, 2 + block)
    local at = 16 * block
    local e, f, g, h = word(text:byte(at + 1, at + 4)), word(text:byte(at + 5, at + 8)), word(text:byte(at + 9, at + 12)), word(text:byte(at + 13, at + 16))
    hex[block + 1] = string.format('%08x%08x%08x%08x', bxor(a, e) % 0x100000000, bxor(b, f) % 0x100000000, bxor(c, g) % 0x100000000, bxor(d, h) % 0x100000000)
  end
  return ByteArray.new(table.concat(hex):sub(1, 2 * #bytes))
end

-- Logged keys, indexed by initiator's id, share and token; and the keys of connections seen in this capture, by destination id.
local logged, keys_for = {}, {}

local function read_key_log()
  local file = rudp.prefs.key_log ~= '' and io.open(rudp.prefs.key_log)
  if not file then return end
  for line in file:lines() do
    local info, keys = line:match('^48520102 (%x+) (%x+)%s*$')
    if info and #info >= 216 and #keys == 112 then logged[info:sub(1, 80) .. info:sub(217)] = { initiators = direction(keys:sub(1, 56)), acceptors = direction(keys:sub(57)) } end
  end
  file:close()
end

local function hex_of(range) return range:bytes():tohex(true) end

-- The keys of a packet. Wireshark reads a capture once in order and then revisits packets at random, so the first result is kept.
local found = {}
local function key_of(packet, find)
  if not packet.visited then found[packet.number] = find() or false end
  return found[packet.number]
end

function rudp.init()
  keys_for, found = {}, {}
  logged = {}
  read_key_log()
end

local function key_of_hello(buffer, packet, content_at)
  return key_of(packet, function()
    local name = hex_of(buffer(17, 8)) .. hex_of(buffer(33, 32)) .. hex_of(buffer(66, content_at - 66))
    if logged[name] == nil then read_key_log() end -- live capture: the log may have grown
    local keys = logged[name]
    if keys == nil then return nil end
    keys_for[hex_of(buffer(17, 8))] = { by = keys.acceptors, peers = keys.initiators }
    return keys.initiators
  end)
end

local function key_of_welcome(buffer, packet)
  return key_of(packet, function()
    local keys = keys_for[hex_of(buffer(9, 8))]
    if keys == nil then return nil end
    keys_for[hex_of(buffer(17, 8))] = { by = keys.peers }
    return keys.by
  end)
end

local function key_of_short(buffer, packet)
  return key_of(packet, function()
    local keys = keys_for[hex_of(buffer(1, 8))]
    return keys and keys.by
  end)
end

-- Reads a variable-length integer (RFC 9000 §16). Returns its value and its length.
local function varint(buffer, at)
  local first = buffer(at, 1):uint()
  local length = 2 ^ math.floor(first / 64)
  local value = first % 64
  for index = 1, length - 1 do value = value * 256 + buffer(at + index, 1):uint() end
  return value, length
end

-- Reads successive fields and adds them to the tree.
local function reader(buffer, at, tree)
  local self = { at = at }
  function self.varint(field)
    local value, length = varint(buffer, self.at)
    if field then tree:add(field, buffer(self.at, length), UInt64.new(value % 0x100000000, math.floor(value / 0x100000000))) end
    self.at = self.at + length
    return value
  end
  function self.bytes(field, length)
    if length > 0 then tree:add(field, buffer(self.at, length)) end
    self.at = self.at + length
  end
  return self
end

local function whole(value) return string.format('%.0f', value) end

local show = {}
function show.ACK(fields, tree, buffer)
  local last = fields.varint(f.largest)
  fields.varint(f.delay)
  local more = fields.varint()
  local first = last - fields.varint()
  local words = {}
  for index = 0, more do
    if index > 0 then
      last = first - 2 - fields.varint()
      first = last - fields.varint()
    end
    local word = first == last and whole(first) or whole(first) .. '-' .. whole(last)
    tree:add(f.range, word)
    words[#words + 1] = word
  end
  return 'ACK ' .. table.concat(words, ' ')
end
function show.SETTLED(fields) return 'SETTLED ' .. whole(fields.varint(f.settled)) end
function show.RESET_STREAM(fields)
  local stream = fields.varint(f.stream)
  fields.varint(f.code)
  fields.varint(f.final_size)
  return 'RESET_STREAM ' .. whole(stream)
end
function show.STOP_SENDING(fields)
  local stream = fields.varint(f.stream)
  fields.varint(f.code)
  return 'STOP_SENDING ' .. whole(stream)
end
function show.PARAMETERS(fields, tree)
  for _, name in ipairs { 'max data', 'max stream data', 'max streams', 'idle ms', 'datagram bytes', 'ack delay ms' } do
    tree:add(f.parameter, name .. ' ' .. whole(fields.varint()))
  end
  return 'PARAMETERS'
end
local function show_token(name)
  return function(fields)
    fields.bytes(f.token, fields.varint(f.length))
    return name
  end
end
show.NEW_TOKEN = show_token('NEW_TOKEN')
show.TOKEN = show_token('TOKEN')
function show.STREAM(fields, tree, buffer, code)
  local stream = fields.varint(f.stream)
  local offset = fields.varint(f.offset)
  local length = code % 4 >= 2 and fields.varint(f.length) or buffer:len() - fields.at
  fields.bytes(f.data, length)
  local ends = code % 2 == 1
  tree:add(f.fin, ends)
  return 'STREAM ' .. whole(stream) .. ' at ' .. whole(offset) .. '+' .. whole(length) .. (ends and ' FIN' or '')
end
function show.PARITY(fields, tree, buffer)
  local stream = fields.varint(f.stream)
  local final_size = fields.varint(f.final_size)
  fields.bytes(f.sum, 4)
  local length = buffer:len() - fields.at
  fields.bytes(f.parity, length)
  return 'PARITY ' .. whole(stream) .. ' of ' .. whole(final_size) .. ' by ' .. whole(length)
end
function show.MAX_DATA(fields) return 'MAX_DATA ' .. whole(fields.varint(f.limit)) end
function show.MAX_STREAMS(fields) return 'MAX_STREAMS ' .. whole(fields.varint(f.limit)) end
function show.MAX_STREAM_DATA(fields)
  local stream = fields.varint(f.stream)
  return 'MAX_STREAM_DATA ' .. whole(stream) .. ' ' .. whole(fields.varint(f.limit))
end
function show.PATH_CHALLENGE(fields)
  fields.bytes(f.challenge, 8)
  return 'PATH_CHALLENGE'
end
function show.PATH_RESPONSE(fields)
  fields.bytes(f.challenge, 8)
  return 'PATH_RESPONSE'
end
function show.RESET_TOKEN(fields)
  fields.bytes(f.reset_token, 16)
  return 'RESET_TOKEN'
end
function show.CONNECTION_CLOSE(fields)
  local code = fields.varint(f.code)
  return 'CONNECTION_CLOSE ' .. (CLOSE_CODES[code] or whole(code))
end

local function show_frames(buffer, at, tree)
  local words = {}
  while at < buffer:len() do
    local code = buffer(at, 1):uint()
    local name = FRAMES[code]
    if name == nil then return words, 'unknown frame type ' .. code end
    local from = at
    at = at + 1
    if name == 'PADDING' then
      while at < buffer:len() and buffer(at, 1):uint() == 0 do at = at + 1 end
      tree:add(f.frame, buffer(from, at - from), 'PADDING')
    elseif name == 'PING' then
      tree:add(f.frame, buffer(from, 1), 'PING')
      words[#words + 1] = 'PING'
    else
      local branch = tree:add(f.frame, buffer(from), name)
      local fields = reader(buffer, at, branch)
      local text = show[name](fields, branch, buffer, code)
      branch:set_len(fields.at - from)
      branch:set_text(text)
      words[#words + 1] = text
      at = fields.at
    end
  end
  return words
end

local DAMAGED = 'damaged in transit, or truncated by the capture'

-- The frames of an unencrypted packet.
local function show_content(buffer, at, tree)
  local can_be_read, words, fault = pcall(show_frames, buffer, at, tree)
  return can_be_read and table.concat(words, ', ') .. (fault and ' ' .. fault or '') or 'malformed frames'
end

-- The encrypted part of a packet; without its key, only its length.
local function show_encrypted(buffer, at, tree, key, number)
  local length = buffer:len() - TAG_BYTES - at
  if length <= 0 then return 'nothing' end
  tree:add(f.encrypted, buffer(at, length))
  tree:add(f.tag, buffer(at + length, TAG_BYTES))
  if not key then return whole(length) .. ' bytes encrypted' end
  local can_be_read, words, fault = pcall(show_frames, decrypt(key, number, buffer:raw(at, length)):tvb('Decrypted frames'), 0, tree)
  return can_be_read and not fault and table.concat(words, ', ') or 'the key log has different keys'
end

-- The cleartext header of a long packet of the encrypted version, then its encrypted part.
local function show_encrypted_long(buffer, packet, name, tree)
  local number = buffer(25, 4):uint()
  if name == 'WELCOME' then return show_encrypted(buffer, 29, tree, key_of_welcome(buffer, packet), number) end
  if name == 'RESET' then
    tree:add(f.reset_token, buffer(30, 16))
    return show.CONNECTION_CLOSE(reader(buffer, 29, tree))
  end
  tree:add(f.prekey_number, buffer(29, 4))
  local length_at = name == 'HELLO' and 65 or 97
  local length = buffer(length_at, 1):uint()
  if name == 'HELLO' then
    tree:add(f.share, buffer(33, 32))
  else
    tree:add(f.prekey, buffer(33, 32))
    tree:add(f.identity, buffer(65, 32))
  end
  if length > 0 then tree:add(f.token, buffer(length_at + 1, length)) end
  if name == 'RETRY' then return 'TOKEN, keys' end
  if length == 0 then return 'asks for a token and keys' end
  local content_at = length_at + 1 + length
  return 'TOKEN, key, ' .. show_encrypted(buffer, content_at, tree, key_of_hello(buffer, packet, content_at), number)
end

-- Adds one packet to the tree. Returns its text for the Info column.
local function show_packet(buffer, packet, root)
  local form = buffer(0, 1):uint()
  local tree = root:add(rudp, buffer())
  if form == 0x60 then
    tree:add(f.type, buffer(0, 1), 'SHORT')
    tree:add(f.destination, buffer(1, 8))
    tree:add(f.number, buffer(9, 4))
    local number = buffer(9, 4):uint()
    return 'SHORT #' .. number .. ': ' .. show_encrypted(buffer, 13, tree, key_of_short(buffer, packet), number)
  end
  local is_short = form == 0x40
  local checksum_at = is_short and 1 or 5
  local checksum = buffer(checksum_at, 4)
  if not is_short then tree:add(f.version, buffer(1, 4)) end
  tree:add(f.checksum, checksum)
  local summed = buffer:len() > 9000 and buffer(0, 1200) or buffer -- longer ones never leave the machine: docs/rudp.md §3
  local is_good = crc32(summed:bytes(), checksum_at) == checksum:uint()
  tree:add(f.checksum_good, checksum, is_good)
  if is_short then
    tree:add(f.type, buffer(0, 1), 'SHORT')
    tree:add(f.destination, buffer(5, 8))
    tree:add(f.number, buffer(13, 4))
    return 'SHORT #' .. buffer(13, 4):uint() .. ': ' .. (is_good and show_content(buffer, 17, tree) or DAMAGED)
  end
  tree:add(f.destination, buffer(9, 8))
  tree:add(f.source, buffer(17, 8))
  if not is_good then return DAMAGED end
  local version = buffer(1, 4):uint()
  if version == 0 then
    local words = {}
    for at = 25, buffer:len() - 4, 4 do words[#words + 1] = string.format('%x', buffer(at, 4):uint()) end
    return 'VERSIONS ' .. table.concat(words, ' ')
  end
  if version ~= VERSION and version ~= ENCRYPTED_VERSION then return string.format('a packet of version %x', version) end
  local name = LONG_TYPES[math.floor(form / 16) % 4]
  tree:add(f.type, buffer(0, 1), name)
  tree:add(f.number, buffer(25, 4))
  local text = version == ENCRYPTED_VERSION and show_encrypted_long(buffer, packet, name, tree) or show_content(buffer, 29, tree)
  return name .. ' #' .. buffer(25, 4):uint() .. ': ' .. text
end

-- Datagrams sent by one system call (UDP_SEGMENT), or received by one, appear as a single datagram in a capture on that
-- machine: packets of one connection, all as long as the first, except that the last may be shorter. The second packet
-- begins where the id of the first occurs again.
local function packet_length(buffer)
  local text, form = buffer:raw(), buffer(0, 1):uint()
  local is_long = form >= 0x80
  local is_encrypted = form == 0x60 or is_long and buffer(1, 4):uint() == ENCRYPTED_VERSION
  local short_form, short_id_at = is_encrypted and 0x60 or 0x40, is_encrypted and 1 or 5
  local id_at = not is_long and short_id_at or text:sub(10, 17) == ('\0'):rep(8) and 17 or 9
  local id = text:sub(id_at + 1, id_at + 8)
  local at = text:find(id, id_at + 9, true)
  while at do
    if is_long and text:sub(at - id_at, at - id_at + 4) == text:sub(1, 5) then return at - id_at - 1 end
    if text:byte(at - short_id_at) == short_form then return at - short_id_at - 1 end
    at = text:find(id, at + 1, true)
  end
  return #text
end

function rudp.dissector(buffer, packet, root)
  local form = buffer:len() >= 18 and buffer(0, 1):uint() or 0
  if form ~= 0x40 and form ~= 0x60 and (form < 0x80 or buffer:len() < 29) then return 0 end
  packet.cols.protocol = 'RUDP'
  local length = packet_length(buffer)
  local words = {}
  for at = 0, buffer:len() - 1, length do words[#words + 1] = show_packet(buffer(at, math.min(length, buffer:len() - at)), packet, root) end
  packet.cols.info = table.concat(words, '; ')
  return buffer:len()
end

DissectorTable.get('udp.port'):add(8080, rudp)
