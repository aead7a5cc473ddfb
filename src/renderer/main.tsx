/** The window starts here. */
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { bridge } from './bridge.ts'
import { App } from './shell/App.tsx'
import { feed } from './shell/feed.ts'
import './ui/tokens.css'
import './ui/ui.css'

const root = document.getElementById('root')
if (root === null) throw new Error('index.html has no #root')
void feed(bridge())
createRoot(root).render(<StrictMode><App /></StrictMode>)
