import groovy.ant.FileNameFinder
import groovy.json.JsonOutput
import groovy.json.JsonSlurper
import groovy.xml.XmlSlurper
import groovy.xml.slurpersupport.GPathResult
import java.util.concurrent.TimeUnit

/**
 * A build of a Jenkinsfile, on this machine: its stages one after the other as Jenkins runs
 * them, each shell step for real. What may stand in the file is Grammar's.
 */
class Build {

    private static final List<String> RESULTS = ['SUCCESS', 'UNSTABLE', 'FAILURE', 'NOT_BUILT']

    /** When the steps below `post` run, in this order: by what failed before, and the build's result. */
    private static final Map<String, Closure<Boolean>> POST_CONDITIONS = [
        always: { failed, result -> true },
        failure: { failed, result -> failed },
        success: { failed, result -> !failed && result != 'UNSTABLE' },
        unstable: { failed, result -> !failed && result == 'UNSTABLE' },
        unsuccessful: { failed, result -> failed || result == 'UNSTABLE' },
        cleanup: { failed, result -> true },
    ]

    /** What the blocks of the file can name. */
    final Variables env
    final Map<String, Object> params = [:]
    final Map<String, String> scm

    final File workspace
    final String cause
    final Map<String, Map<String, String>> credentials
    final List<String> approval
    String result = 'SUCCESS'

    /** How each stage went: its name, result, seconds, and why, with the output of what failed. */
    final List<Map> stages = []

    private final Map<String, String> givenParameters
    private final List<String> secrets = []
    private Map stage
    private boolean hasFailed
    private volatile boolean timeIsUp

    /** Prepare a build by the settings that main() reads. */
    Build(Map settings) {
        env = new Variables(settings.environment)
        scm = settings.scm
        workspace = new File(settings.workspace)
        cause = settings.cause
        credentials = settings.credentials
        approval = settings.approval
        givenParameters = settings.parameters
    }

    /**
     * Build as a file of JSON says: `jenkinsfile`; `workspace`, an empty folder; `scm`, the
     * `url` to clone and what a checkout returns; `cause`, what triggered it; `parameters`;
     * `credentials` by id; `approval`, the command that stands for whoever answers an input:
     * 0 is a yes; `environment`, which is all that the agent has; `stages`, the file to write
     * how each stage went. Ends with 0 when all went well, 1 when not, 2 when the file will not do.
     */
    static void main(String[] args) {
        Map settings = new JsonSlurper().parse(new File(args[0])) as Map
        File jenkinsfile = new File(settings.jenkinsfile)
        List<String> refusals = new Grammar(jenkinsfile).refusals
        if (refusals) {
            refusals.each { println "$jenkinsfile.name:$it" }
            System.exit(2)
        }
        Build build = new Build(settings)
        new GroovyShell(new Binding(pipeline: build.&run)).evaluate(jenkinsfile)
        new File(settings.stages).text = JsonOutput.toJson(build.stages)
        println "\nFinished: $build.result"
        System.exit(build.result == 'SUCCESS' ? 0 : 1)
    }

    /** Run a pipeline. */
    void run(Closure pipeline) {
        Map<String, Closure> sections = bodiesIn(pipeline)
        callsIn(sections.parameters)*.args*.first().each {
            params[it.name] = givenParameters.getOrDefault(it.name, it.defaultValue)
        }
        Collection<String> unknown = givenParameters.keySet() - params.keySet()
        if (unknown) {
            throw new IllegalArgumentException("The pipeline has no parameter ${unknown.join(', ')}")
        }
        Map<String, Object[]> options = callsIn(sections.options).collectEntries { [it.name, it.args] }
        Timer timer = new Timer(true)
        if (options.timeout) {
            Map limit = options.timeout.first()
            timer.schedule(this.&giveUp as TimerTask, TimeUnit.valueOf(limit.unit ?: 'MINUTES').toMillis(limit.time))
        }
        if (options.skipDefaultCheckout == null) {
            runStage('Declarative: Checkout SCM', [steps: { checkout scm }])
        }
        env.within(variablesIn(sections.environment)) {
            bodiesIn(sections.stages).each { name, body -> runStage(name, bodiesIn(body)) }
            if (sections.post) {
                hasFailed = false
                runStage('Declarative: Post Actions', [post: sections.post], result == 'FAILURE')
            }
        }
        timer.cancel()
    }

    /** Print a line as it comes, with stars for the secrets. */
    void say(String line) {
        println secrets.inject(line) { text, secret -> text.replace(secret, '****') }
    }

    /** Run a body while secrets are not shown. */
    void hiding(List<String> more, Closure body) {
        secrets.addAll(more)
        try {
            body()
        } finally {
            more.each { secrets.removeLast() }
        }
    }

    /** Run a script with all variables, and fail when it does. */
    void shell(String script) {
        File file = File.createTempFile('step', '.sh')
        file.text = script
        List<String> lines = []
        int status = execute(['sh', '-xe', file.path], env.all) {
            lines << it
            say(it)
        }
        file.delete()
        if (status != 0) {
            stage.output = stage.output ?: lines.join('\n')
            throw new StepFailure("script returned exit code $status")
        }
    }

    /** Ask whoever approves. */
    void ask(String message) {
        say("INPUT: $message")
        if (execute(approval, System.getenv(), this.&say) != 0) {
            throw new StepFailure(timeIsUp ? 'Timeout has been exceeded' : 'Rejected')
        }
        say('Approved, in place of a person')
    }

    /** Run a body for some time at most; then what it waits for is ended. */
    void within(long milliseconds, Closure body) {
        Timer timer = new Timer(true)
        timeIsUp = false
        timer.schedule({
            timeIsUp = true
            ProcessHandle.current().descendants().forEach { it.destroy() }
        } as TimerTask, milliseconds)
        try {
            body()
        } finally {
            timer.cancel()
        }
    }

    /** Make the results of the stage and of the build worse, never better, and keep the first reason. */
    void worsen(String stageTo, String buildTo, String why) {
        say("ERROR: $why")
        stage.result = RESULTS[Math.max(RESULTS.indexOf(stage.result), RESULTS.indexOf(stageTo))]
        stage.why = stage.why ?: why
        result = RESULTS[Math.max(RESULTS.indexOf(result), RESULTS.indexOf(buildTo))]
    }

    private int execute(List<String> command, Map<String, String> variables, Closure each) {
        ProcessBuilder builder = new ProcessBuilder(command)
        builder.directory(workspace).redirectErrorStream(true)
        builder.environment().clear()
        builder.environment().putAll(variables)
        Process process = builder.start()
        process.outputStream.close()
        process.inputStream.eachLine { each(it) }
        process.waitFor()
    }

    private void runStage(String name, Map<String, Closure> sections, boolean failedBefore = false) {
        println "\n-- $name"
        stage = [name: name, result: 'SUCCESS', seconds: 0, why: '', output: '']
        stages << stage
        boolean isWanted = !hasFailed && new When(this).allIn(sections.when)
        if (!isWanted) {
            stage.result = 'NOT_BUILT'
            stage.why = "skipped due to ${hasFailed ? 'earlier failure(s)' : 'when conditional'}"
            println "Stage \"$name\" $stage.why"
            return
        }
        long began = System.nanoTime()
        env.within(variablesIn(sections.environment)) {
            boolean failed = failsIn(sections.steps) || failedBefore
            Map<String, Closure> post = bodiesIn(sections.post)
            POST_CONDITIONS.findAll { condition, holds -> holds(failed, result) }.each { condition, holds ->
                failsIn(post[condition])
            }
        }
        stage.seconds = (System.nanoTime() - began) / 1e9
    }

    private boolean failsIn(Closure steps) {
        try {
            new Steps(this).evaluate(steps)
        } catch (StepFailure | GroovyRuntimeException failure) {
            worsen('FAILURE', 'FAILURE', failure.message)
            hasFailed = true
            return true
        }
        false
    }

    private List<Map> callsIn(Closure body) {
        new Calls(this).tap { evaluate(body) }.found
    }

    /** The blocks in a block: of a stage by the stage's name, else by the section's. */
    private Map<String, Closure> bodiesIn(Closure body) {
        callsIn(body).collectEntries { [it.name == 'stage' ? it.args.first() : it.name, it.args.last()] }
    }

    private Map<String, Object> variablesIn(Closure body) {
        new Assignments(this).tap { evaluate(body) }.variables
    }

    private void giveUp() {
        println '\nTimeout has been exceeded'
        ProcessHandle.current().descendants().forEach { it.destroy() }
        System.exit(1)
    }

}

/** A step's failure, which ends its stage. */
class StepFailure extends Exception {

    StepFailure(String message) {
        super(message)
    }

}

/** Variables of the environment: the agent's, the build's, and those of each block around a step. */
class Variables {

    private final List<Map<String, String>> layers

    Variables(Map<String, String> ofAgent) {
        layers = [ofAgent, [:]]
    }

    Map<String, String> getAll() {
        layers.inject([:]) { all, layer -> all + layer }
    }

    /** Run a body with more variables. */
    void within(Map<String, Object> more, Closure body) {
        layers << more.collectEntries { name, value -> [name, value.toString()] }
        try {
            body()
        } finally {
            layers.removeLast()
        }
    }

    String propertyMissing(String name) {
        all[name]
    }

    void propertyMissing(String name, Object value) {
        layers[1][name] = value.toString()
    }

}

/** What a block of the file can name: its own calls, in the classes below, and what all can. */
class Scope {

    protected final Build build

    Scope(Build build) {
        this.build = build
    }

    /** Run a block, where there is one, with the names of this scope alone. */
    Object evaluate(Closure body) {
        Closure bound = body?.clone()
        bound?.delegate = this
        bound?.resolveStrategy = Closure.DELEGATE_ONLY
        bound?.call()
    }

    Variables getEnv() {
        build.env
    }

    Map<String, Object> getParams() {
        build.params
    }

    Map<String, String> getScm() {
        build.scm
    }

}

/** A block of sections, of stages, of options, of parameters: its calls are kept. */
class Calls extends Scope {

    final List<Map> found = []

    Calls(Build build) {
        super(build)
    }

    Object methodMissing(String name, Object args) {
        found << [name: name, args: args]
    }

    /** Take a bare word as it is: `agent any`. */
    String propertyMissing(String name) {
        name
    }

}

/** A block of `environment`, whose lines can name those before. */
class Assignments extends Scope {

    final Map<String, Object> variables = [:]

    Assignments(Build build) {
        super(build)
    }

    Object propertyMissing(String name) {
        variables[name] ?: env[name]
    }

    void propertyMissing(String name, Object value) {
        variables[name] = value
    }

}

/** A block of conditions. */
class When extends Scope {

    private final List<Boolean> held = []

    When(Build build) {
        super(build)
    }

    /** Say whether all conditions hold; without any, they do. */
    boolean allIn(Closure body) {
        evaluate(body)
        held.every()
    }

    void anyOf(Closure body) {
        held << new When(build).tap { evaluate(body) }.held.any()
    }

    void not(Closure body) {
        held << !new When(build).allIn(body)
    }

    void branch(String pattern) {
        held << (env.BRANCH_NAME ==~ pattern.replace('*', '.*'))
    }

    void environment(Map args) {
        held << (env[args.name] == args.value)
    }

    void expression(Closure body) {
        held << (new Steps(build).evaluate(body) as boolean)
    }

    void triggeredBy(String cause) {
        held << (build.cause == cause)
    }

}

/** A block of steps, each as its plugin has it. */
class Steps extends Scope {

    Steps(Build build) {
        super(build)
    }

    /** Take a step's only argument by its name too: sh(script: '…'). */
    Object methodMissing(String name, Object args) {
        if (!(args && args.first() instanceof Map)) {
            throw new MissingMethodException(name, Steps, args)
        }
        "$name"(*args.first().values().toList(), *args.tail())
    }

    void sh(String script) {
        build.shell(script)
    }

    void script(Closure body) {
        evaluate(body)
    }

    Map<String, String> checkout(Map<String, String> scm) {
        build.shell("git clone --quiet '$scm.url' .; git checkout --quiet --detach $scm.GIT_COMMIT")
        scm.findAll { it.key != 'url' }
    }

    void catchError(Map args = [:], Closure body) {
        try {
            evaluate(body)
        } catch (StepFailure failure) {
            build.worsen(args.stageResult ?: 'SUCCESS', args.buildResult ?: 'FAILURE', failure.message)
        }
    }

    void timeout(Map args, Closure body) {
        build.within(TimeUnit.valueOf(args.unit ?: 'MINUTES').toMillis(args.time)) { evaluate(body) }
    }

    void input(Map args) {
        input(args.message)
    }

    void input(String message) {
        build.ask(message)
    }

    void withEnv(List<String> assignments, Closure body) {
        env.within(assignments*.split('=', 2).collectEntries()) { evaluate(body) }
    }

    void withCredentials(List<Map> bindings, Closure body) {
        build.hiding(bindings*.secret) {
            env.within(bindings*.variables.sum()) { evaluate(body) }
        }
    }

    Map usernamePassword(Map args) {
        Map found = credentials(args.credentialsId)
        [variables: [(args.usernameVariable): found.username, (args.passwordVariable): found.password],
         secret: found.password]
    }

    Map sshUserPrivateKey(Map args) {
        Map found = credentials(args.credentialsId)
        [variables: [(args.keyFileVariable): found.keyFile], secret: found.keyFile]
    }

    String readFile(String path) {
        File file = new File(build.workspace, path)
        if (!file.file) {
            throw new StepFailure("$path does not exist")
        }
        file.text
    }

    void archiveArtifacts(Map args) {
        List<File> files = files(args.artifacts)
        if (!files) {
            throw new StepFailure("No artifacts found that match \"$args.artifacts\"")
        }
        files.each { build.say("Archiving $it.name, ${it.length()} bytes") }
    }

    void archiveArtifacts(String artifacts) {
        archiveArtifacts(artifacts: artifacts)
    }

    /** Read reports of JUnit: one failed test makes the build unstable. */
    void junit(String testResults) {
        List<File> files = files(testResults)
        if (!files) {
            throw new StepFailure('No test report files were found')
        }
        List tests = files.collectMany { file ->
            GPathResult report = new XmlSlurper().parse(file)
            if (!(report.name() in ['testsuites', 'testsuite'])) {
                throw new StepFailure("$file.name is no report of JUnit")
            }
            report.depthFirst().findAll { it.name() == 'testcase' }
        }
        if (!tests) {
            throw new StepFailure('None of the test reports contained any result')
        }
        int failed = tests.count { test -> test.children().any { it.name() in ['failure', 'error'] } }
        build.say("Recorded ${tests.size()} tests of ${files.size()} reports, $failed of them failed")
        if (failed) {
            build.worsen('UNSTABLE', 'UNSTABLE', "$failed of ${tests.size()} tests failed")
        }
    }

    private Map credentials(String id) {
        if (!build.credentials[id]) {
            throw new StepFailure("Could not find credentials entry with ID '$id'")
        }
        build.credentials[id]
    }

    private List<File> files(String pattern) {
        new FileNameFinder().getFileNames(build.workspace.path, pattern).sort().collect { new File(it) }
    }

}
