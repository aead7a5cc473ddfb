/** Entry point of the window's page. */
import './ui/tokens.css'
import './ui/base.css'
import './ui/controls.css'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { bridge } from './bridge.ts'
import { App } from './shell/App.tsx'
import { feed } from './shell/feed.ts'
import './ui/print.css' // last, because it overrides the others

const root = document.getElementById('root')
if (root === null) throw new Error('index.html has no #root')
void feed(bridge())
createRoot(root).render(<StrictMode><App /></StrictMode>)
