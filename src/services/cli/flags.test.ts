import { expect, test } from 'vitest'
import { z } from 'zod'
import { defineCommand, type Command } from './command.ts'
import { checkFlags, helpOf, readFlags } from './flags.ts'

const command: Command = defineCommand({
  name: 'serve',
  summary: 'Serves.',
  positionals: ['NAME', '[TYPE]'],
  flags: z.object({
    host: z.string().default('127.0.0.1').meta({ description: 'address to serve on', placeholder: 'IP' }),
    tcp_port: z.int().max(65535).default(80).meta({ description: 'TCP port', placeholder: 'PORT' }),
    upstream: z.array(z.string()).default(['192.0.2.1']).meta({ description: 'server to ask', placeholder: 'IP' }),
    peer: z.array(z.string()).default([]).meta({ description: 'server to notify', placeholder: 'IP' }),
    json: z.boolean().default(false).meta({ description: 'print JSON' }),
    dns: z.string().meta({ description: 'DNS server', placeholder: 'IP' }),
  }),
  run: () => Promise.resolve(0 as const),
})

test('flags are parsed by their kinds, and a repeated list is complete', () => {
  expect(readFlags(command, ['my-app.home', '--tcp_port', '81', '--upstream', '192.0.2.2', '--upstream=192.0.2.3', '--json'])).toEqual({
    flags: { tcp_port: 81, upstream: ['192.0.2.2', '192.0.2.3'], json: true }, positionals: ['my-app.home'],
  })
})

test.each([
  [['x', '--tcp-port', '81'], '--tcp-port is not a flag of "hamlet serve": there is no such flag', 'try --tcp_port'],
  [['x', '-h'], '-h is not a flag', '--help'],
  [['x', '--tcp_port'], '--tcp_port needs a value', 'write --tcp_port PORT'],
  [['x', '--tcp_port', '--json'], '--tcp_port needs a value', ''],
  [['x', '--tcp_port', '8x'], '--tcp_port cannot be "8x": it takes a whole number', ''],
  [['x', '--host', 'a', '--host', 'b'], '--host is given twice', ''],
  [['x', '--json=yes'], '--json takes no value', ''],
  [[], 'NAME is missing', ''],
  [['a', 'b', 'c'], '"c" is one argument too many', ''],
])('%j is refused with a reason', (argv, message, remedy) => {
  expect(() => readFlags(command, argv)).toThrow(expect.objectContaining({
    message: expect.stringContaining(message), parts: expect.objectContaining({ code: 'usage', remedy: expect.stringContaining(remedy) }),
  }))
})

test('the error for a value out of range names the flag', () => {
  expect(() => checkFlags(command, { tcp_port: 70_000, dns: '192.0.2.1' })).toThrow('--tcp_port cannot be 70000')
})

test('the help lists every flag with its placeholder, its default, and whether it is required', () => {
  expect(helpOf(command)).toBe([
    'Serves.', '',
    'Usage: hamlet serve NAME [TYPE] [--host IP] [--tcp_port PORT] [--upstream IP]... [--peer IP]... [--json] --dns IP', '',
    '  --host IP        address to serve on (default: 127.0.0.1)',
    '  --tcp_port PORT  TCP port (default: 80)',
    '  --upstream IP    server to ask (default: 192.0.2.1)',
    '  --peer IP        server to notify',
    '  --json           print JSON',
    '  --dns IP         DNS server (required)',
    '  --help           show this help', '',
  ].join('\n'))
})
